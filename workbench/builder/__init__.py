"""The form builder: what a draft is while it is edited, templates to start from, and the component that edits it."""
