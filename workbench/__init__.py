"""What people see: Streamlit pages, charts, grids. Computes no metric and holds no SQL."""
