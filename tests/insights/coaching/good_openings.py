"""Good sentences with slots, as models phrase them: true of the facts of `FACTS`, and harmless.

Written in six rounds, each judged before anything was mended by it. `TUNED_ON`: the first five, by which the verifier's
lists were mended. `JUDGED`: the last one, by which nothing was. `RIGHTLY_REFUSED`: of all rounds, what was thought good
and is not, by the rules that a note keeps: it ranks, judges a person, names a cause, a number or another noun than the
fact's, or says again what the fact says. `{F1}` is a strength, `{F2}` an opportunity, `{F3}` context, `{F4}` and
`{F5}` are actions about the deals `{D1}` and `{D2}`, `{F6}` is a caveat.
"""

from __future__ import annotations

FACTS = {
    "facts": [
        {"id": "F1", "role": "strength", "metric": "meeting", "value": 7, "unit": "count", "direction": "up",
         "baseline": 4, "nouns": ["meeting"], "phrase": "you held 7 meetings last week (your 8-week median: 4)"},
        {"id": "F2", "role": "opportunity", "metric": "next_step", "value": 3, "unit": "count",
         "nouns": ["next step", "open deal"], "phrase": "3 open deals have no next step"},
        {"id": "F3", "role": "context", "metric": "win_rate", "value": 31, "unit": "pct",
         "nouns": ["win rate", "closed deal"],
         "phrase": "your win rate over the last 90 days is 31% (16 of 51 closed deals)"},
        {"id": "F4", "role": "action", "metric": "activity", "value": 21, "unit": "days", "nouns": ["activity"],
         "entity": "D1", "phrase": "Tamar Freight (48,000 USD) has had no activity for 21 days"},
        {"id": "F5", "role": "action", "metric": "due_to_close", "unit": "date", "nouns": ["due to close"],
         "entity": "D2", "dates": ["12 December"],
         "phrase": "Lilac Foods is due to close on 12 December with no meeting booked"},
        {"id": "F6", "role": "caveat", "metric": "sync", "unit": "date", "nouns": ["sync", "data gap"],
         "dates": ["9 November"], "phrase": "email sync was last run on 9 November, so this may be a data gap"},
    ],
    "entities": [{"id": "D1", "name": "Tamar Freight"}, {"id": "D2", "name": "Lilac Foods"}],
    "other_names": ["Marco Rossi"],
}  # fmt: skip

TUNED_ON = tuple(
    """
Nice work! {F1}.
A highlight worth noting: {F1}.
Let's start with the positives: {F1}.
On the positive side, {F1}.
Kudos for this: {F1}.
One of your strengths: {F1}.
{F1} — great momentum to build on.
First, the good news: {F1}.
It's great to see that {F1}.
Congratulations, {F1}.
Keep it up: {F1}.
{F1}, which is a good sign.
{F1}. Keep going!
Something to celebrate: {F1}.
A positive trend: {F1}.
What went well: {F1}.
Good momentum here: {F1}.
Things are moving in the right direction: {F1}.
This stands out in a good way: {F1}.
Thumbs up for this one: {F1}.
A solid result: {F1}.
You can be pleased with this: {F1}.
Starting on a high note: {F1}.
A win to build on: {F1}.
Here's a bright spot: {F1}.
Well played: {F1}.
There is good news to share: {F1}.
Progress worth recognizing: {F1}.
Way to go: {F1}.
A strength to build on: {F1}.
Looking good: {F1}.
Great to see: {F1}.
Nice to see that {F1}.
Good work on meetings: {F1}.
A good week for meetings: {F1}.
Let's celebrate this: {F1}.
{F1}, and that is worth celebrating.
Happy to report that {F1}.
Glad to see {F1}.
Strong showing: {F1}.
Here's something to be proud of: {F1}.
A nice step forward: {F1}.
To start on a positive note, {F1}.
Good pace: {F1}.
Momentum is on your side: {F1}.
You have something to build on: {F1}.
An encouraging sign: {F1}.
Keep that rhythm: {F1}.
Something that's working well: {F1}.
I noticed that {F1} - nice!
Meetings are up: {F1}.
Up on your usual: {F1}.
More than usual: {F1}.
Above your own median: {F1}.
A good habit to keep: {F1}.
Good energy: {F1}.
Area to focus on: {F2}.
An area for improvement: {F2}.
There's an opportunity here: {F2}.
One opportunity to consider: {F2}.
Something to watch: {F2}.
Keep an eye on this: {F2}.
This deserves your attention: {F2}.
Consider reviewing these: {F2}.
It may help to look at this: {F2}.
Currently, {F2}.
Right now, {F2}.
At the moment, {F2}.
On the other hand, {F2}.
However, {F2}.
An opportunity to tighten things up: {F2}.
Let's tidy this up: {F2}.
Here's where you could focus: {F2}.
{F2}, which is worth addressing.
{F2}; could you take a look?
Time for some pipeline housekeeping: {F2}.
A small improvement could be made: {F2}.
One thing stands out: {F2}.
Worth setting next steps: {F2}.
Please add a next step to each: {F2}.
Something for your to-do list: {F2}.
This could use a bit of work: {F2}.
A gap to close: {F2}.
Worth your time this week: {F2}.
Try to clear these up: {F2}.
A chance to get organized: {F2}.
Potential area to improve: {F2}.
You may want to look into this: {F2}.
To improve: {F2}.
A point for attention: {F2}.
Please review: {F2}.
Heads up: {F2}.
Let's look at your open deals: {F2}.
There's room for improvement here: {F2}.
Some deals could use attention: {F2}.
It would be good to review this: {F2}.
Opportunity: {F2}.
Focus area: {F2}.
Recommended action: {F4}.
Reach out to {D1}: {F4}.
Check in with {D1}: {F4}.
Follow up with {D1}: {F4}.
Give {D1} a call: {F4}.
Consider reaching out to {D1}: {F4}.
Touch base with {D1}: {F4}.
A good next step would be to contact {D1}: {F4}.
Re-engage {D1}: {F4}.
Prioritize {D1}: {F4}.
Next step: get in touch with {D1}. {F4}.
Your next action: {F4}.
Time to reconnect with {D1}: {F4}.
{F4}; a quick call could help.
{F4}. Could you give them a call?
{F4} — worth a check-in.
Let's revive {D1}: {F4}.
Let's talk about {D1}: {F4}.
A deal to revisit: {F4}.
Action item: {F4}.
Top priority: {F4}.
One deal needs your attention: {F4}.
Please reach out to {D1} this week: {F4}.
Make {D1} a priority: {F4}.
It's time to check in with {D1}: {F4}.
Schedule a meeting with {D2}: {F5}.
Book a meeting with {D2} soon: {F5}.
Confirm the close date with {D2}: {F5}.
Please book time with {D2}: {F5}.
Set up a meeting with {D2}: {F5}.
Plan a meeting with {D2}: {F5}.
For {D2}, consider booking a meeting: {F5}.
Next, {D2}: {F5}.
Then turn to {D2}: {F5}.
A date to keep in mind: {F5}.
Coming up: {F5}.
Also on your plate: {F5}.
Secondly, {F5}.
Deal to watch: {F5}.
What's your plan for {D2}? {F5}.
How do you want to approach {D2}? {F5}.
For reference, {F3}.
As context, {F3}.
Some background: {F3}.
Here's some context: {F3}.
Zooming out, {F3}.
Looking at the bigger picture, {F3}.
Overall, {F3}.
Your numbers at a glance: {F3}.
A quick look at your win rate: {F3}.
Regarding your win rate, {F3}.
Just so you know, {F3}.
A snapshot of where you stand: {F3}.
To put this in perspective, {F3}.
Here is the summary: {F3}.
Data point: {F3}.
Meanwhile, {F3}.
In terms of results, {F3}.
Win rate check: {F3}.
By the numbers: {F3}.
For your information, {F3}.
Please be aware that {F6}.
A quick note on data: {F6}.
Note that {F6}.
Please keep in mind that {F6}.
One caveat: {F6}.
Important to note: {F6}.
Data quality note: {F6}.
Be aware: {F6}.
Keep in mind: {F6}.
A word about the data: {F6}.
Disclaimer: {F6}.
Before you read on, note that {F6}.
Please take into account that {F6}.
Data may be incomplete: {F6}.
Worth remembering: {F6}.
Caution: {F6}.
Also note: {F6}.
Limitations: {F6}.
Take these numbers with some caution: {F6}.
As a side note, {F6}.
Nice going this time around: {F1}.
Here's a win worth sharing: {F1}.
I'm pleased to see that {F1}.
Love to see it: {F1}.
You kept up a good rhythm: {F1}.
This is a great foundation: {F1}.
Something positive to open with: {F1}.
To highlight: {F1}.
Well done on this one: {F1}.
Let's open with a bright spot: {F1}.
A pat on the back: {F1}.
Starting with what's going well: {F1}.
You've got good momentum: {F1}.
It's nice that {F1}.
On meetings, good progress: {F1}.
Positive news first: {F1}.
Good to see this kind of momentum: {F1}.
Meetings are higher: {F1}.
Compared with your usual, this is up: {F1}.
Celebrate the small wins: {F1}.
A round of applause: {F1}.
Your week started with a plus: {F1}.
Good job! {F1}.
Bravo! {F1}.
A healthy sign: {F1}.
We can build on this: {F1}.
Keep that momentum going: {F1}.
Here is something that went well: {F1}.
A pleasing number: {F1}.
First things first, well done: {F1}.
One thing to improve: {F2}.
There is room to tighten this up: {F2}.
An area that could use some focus: {F2}.
Let's take a closer look at this: {F2}.
This might be worth a review: {F2}.
Something to tidy up this week: {F2}.
One thing you could look at: {F2}.
Where you could focus next: {F2}.
A place to start tidying: {F2}.
Could you review these deals? {F2}.
Here's a chance to tidy up: {F2}.
Consider adding next steps: {F2}.
One to work on: {F2}.
Let's fix this together: {F2}.
To keep things moving, note that {F2}.
Please take a moment to review: {F2}.
Let's not overlook this: {F2}.
A quick tidy-up may help: {F2}.
Something we could work on: {F2}.
Opportunity to follow up: {F2}.
For your open deals: {F2}.
Pipeline note: {F2}.
Watch point: {F2}.
A detail to sort out: {F2}.
{F2}. How could you approach this?
{F2} - worth planning these.
Next best action: {F4}.
Your first call could be {D1}: {F4}.
Start with {D1}, please: {F4}.
Put {D1} on your list: {F4}.
Pick up the phone for {D1}: {F4}.
Let's plan a call with {D1}: {F4}.
It would be good to check in with {D1}: {F4}.
Send {D1} a short message: {F4}.
Write to {D1}: {F4}.
Go back to {D1}: {F4}.
{D1} could use a call: {F4}.
{D1} is worth a look: {F4}.
A call to {D1} would help: {F4}.
Worth reviving: {F4}.
Try reaching out to {D1}: {F4}.
What about a quick call? {F4}.
Suggested action: call {D1}. {F4}.
For this week, {F4}.
Action: {F5}.
Another action to consider: {F5}.
Please check the date: {F5}.
Time to book a meeting: {F5}.
Book a slot with {D2}: {F5}.
Prepare for {D2}: {F5}.
Then there's {D2}: {F5}.
And for {D2}: {F5}.
Get a meeting on the calendar: {F5}.
Have a look at {D2}: {F5}.
Keep {D2} on your radar: {F5}.
One date to watch: {F5}.
Here's how things stand: {F3}.
A bit of context: {F3}.
In case it helps, {F3}.
As a point of reference: {F3}.
As for your win rate, {F3}.
Taking a step back, {F3}.
To set the stage, {F3}.
On the numbers: {F3}.
Some numbers for context: {F3}.
Worth knowing as background: {F3}.
A general note: {F3}.
This is where you are: {F3}.
Please bear in mind: {F6}.
One thing to be aware of: {F6}.
A small caveat here: {F6}.
A reminder on data quality: {F6}.
With one caveat: {F6}.
Please read the numbers with this in mind: {F6}.
Just a heads-up: {F6}.
As for the data, {F6}.
Remember: {F6}.
A note of caution: {F6}.
Off to a good start: {F1}.
You have a lot to be pleased about: {F1}.
Here's what went right: {F1}.
This one deserves some credit: {F1}.
Your meetings stand out: {F1}.
Let's kick off with something good: {F1}.
What a nice result: {F1}.
Take a moment to enjoy this: {F1}.
This is a strength: {F1}.
Some good momentum to share: {F1}.
Well done, and keep going: {F1}.
A plus for the week: {F1}.
Credit where it's due: {F1}.
Happy to see that {F1}.
There's a lot to like here: {F1}.
Your week in meetings: {F1}.
Start with a smile: {F1}.
Here's one to celebrate: {F1}.
Nicely done: {F1}.
Solid momentum: {F1}.
It's good news that {F1}.
On a positive note, {F1}.
The highlight of your week: {F1}.
You should be proud of this: {F1}.
A good sign for your rhythm: {F1}.
I'd like to highlight this: {F1}.
Positive: {F1}.
Momentum check: {F1}.
Recognition for good work: {F1}.
Opportunity to improve: {F2}.
Something to improve on: {F2}.
An area to develop: {F2}.
Your open deals could use a plan: {F2}.
One gap to look at: {F2}.
Worth a second look: {F2}.
This is worth your attention: {F2}.
A good topic for our next chat: {F2}.
Let's discuss how to move these forward: {F2}.
A simple fix: {F2}.
Something for us to look into: {F2}.
Next, consider this: {F2}.
Could we talk about this one? {F2}.
Let's put some structure here: {F2}.
A possible focus for the week: {F2}.
A bit of cleanup would help: {F2}.
Take a few minutes for this: {F2}.
Please have a look: {F2}.
Keep these on your radar: {F2}.
You may want to check these: {F2}.
One item for your list: {F2}.
Where to look next: {F2}.
To stay on top of things, review this: {F2}.
Development point: {F2}.
Suggestion: {F2}.
Something to be mindful of: {F2}.
A practical next move: {F4}.
Reconnect with {D1}: {F4}.
Send a quick note to {D1}: {F4}.
Make a call to {D1}: {F4}.
Consider a check-in with {D1}: {F4}.
{D1} is a good one to pick up: {F4}.
First, call {D1}: {F4}.
Suggested: contact {D1}. {F4}.
Plan some time for {D1}: {F4}.
Start the week with {D1}: {F4}.
Could you ring {D1}? {F4}.
Maybe give {D1} a ring: {F4}.
Worth a follow-up: {F4}.
Next steps: {F4}.
Try a friendly message: {F4}.
Focus on {D1} first: {F4}.
Bring {D1} back on the agenda: {F4}.
Here's a concrete action: {F4}.
What would be a good next move for {D1}? {F4}.
An action for you: {F4}.
A reminder about {D2}: {F5}.
Don't forget {D2}: {F5}.
Add {D2} to your calendar: {F5}.
Let's prepare for {D2}: {F5}.
Set aside time for {D2}: {F5}.
Reach out to {D2} to book a meeting: {F5}.
With {D2}, plan ahead: {F5}.
Finally, {D2}: {F5}.
After that, {D2}: {F5}.
Take a look at {D2}: {F5}.
For perspective: {F3}.
A number to know: {F3}.
Here's a quick overview: {F3}.
To give you some context, {F3}.
From the data: {F3}.
The overall picture: {F3}.
Just for reference: {F3}.
Stepping back, {F3}.
A useful reference point: {F3}.
To recap: {F3}.
One more number: {F3}.
Please treat this with care: {F6}.
A quick disclaimer: {F6}.
About the data: {F6}.
Please consider that {F6}.
Something to keep in mind: {F6}.
Small print: {F6}.
Please read on with this in mind: {F6}.
Good momentum this past week: {F1}.
Let's build on this: {F1}.
A great place to begin: {F1}.
Here's the upside: {F1}.
Something to feel good about: {F1}.
Nice progress on your side: {F1}.
This is good to see: {F1}.
A cheerful note to start: {F1}.
Well done with this: {F1}.
Great to report: {F1}.
Your momentum continues: {F1}.
The positive: {F1}.
It is encouraging that {F1}.
A big plus: {F1}.
Strong point: {F1}.
Good habit: {F1}.
Worth celebrating: {F1}.
What a good week: {F1}.
Hats off to you: {F1}.
Room for growth: {F2}.
A point to work on: {F2}.
Consider a quick review here: {F2}.
One small thing to tidy: {F2}.
What could be improved: {F2}.
This needs a look: {F2}.
I'd suggest a review: {F2}.
Please plan what comes next: {F2}.
Have you looked at these? {F2}.
Something to pick up: {F2}.
A topic for this week: {F2}.
Maybe start here: {F2}.
Opportunities: {F2}.
Let's clean this up: {F2}.
Quick check: {F2}.
Needs attention: {F2}.
An easy thing to improve: {F2}.
Here's one to look at: {F2}.
Housekeeping: {F2}.
Call {D1} today: {F4}.
Your move: {F4}.
Get back in touch with {D1}: {F4}.
Make time for {D1}: {F4}.
I'd start with {D1}: {F4}.
Perhaps it's time to call {D1}: {F4}.
{D1} deserves a call: {F4}.
{D1} needs a nudge: {F4}.
A quick email to {D1} could help: {F4}.
Suggestion for {D1}: {F4}.
Look at {D1} next: {F4}.
An idea: ring {D1}. {F4}.
Let's review {D1} together: {F4}.
Remember {D1}: {F4}.
Deal in focus: {F4}.
To do: {F4}.
Please schedule a call with {D2}: {F5}.
Arrange a meeting with {D2}: {F5}.
{D2} comes next: {F5}.
Also plan for {D2}: {F5}.
Mark the date: {F5}.
Keep an eye on {D2}: {F5}.
Book that meeting: {F5}.
For your calendar: {F5}.
In numbers: {F3}.
Where things stand: {F3}.
For your reference: {F3}.
A look at the data: {F3}.
To keep in view: {F3}.
Here's your win rate: {F3}.
As a reminder, {F3}.
Summary: {F3}.
A quick caveat: {F6}.
Mind the data: {F6}.
One note on data quality: {F6}.
Kindly note that {F6}.
Please be mindful that {F6}.
Glad this is going well: {F1}.
Let's note a success: {F1}.
Nice rhythm on meetings: {F1}.
This looks good: {F1}.
Cheers to this: {F1}.
It was good to see that {F1}.
A strong start: {F1}.
Keep doing this: {F1}.
More meetings than usual: {F1}.
Positive sign: {F1}.
Well handled: {F1}.
Something good: {F1}.
Progress on meetings: {F1}.
A thumbs-up: {F1}.
Good going on this front: {F1}.
Let me start with a positive: {F1}.
Please look into this: {F2}.
Potential improvement: {F2}.
Some housekeeping to do: {F2}.
Think about this: {F2}.
One point for improvement: {F2}.
What's next for these? {F2}.
Worth reviewing this week: {F2}.
Let's close this gap: {F2}.
Try setting next steps: {F2}.
A small to-do: {F2}.
Take care of this first: {F2}.
A useful thing to do: {F2}.
To tidy: {F2}.
Here's something to check: {F2}.
Easy fix: {F2}.
Deals to look at: {F2}.
Something to plan: {F2}.
Speak with {D1}: {F4}.
Give {D1} a quick call this week: {F4}.
Get {D1} on the phone: {F4}.
Pick {D1} first: {F4}.
An account to call: {F4}.
Worth picking up: {F4}.
A message to {D1} might help: {F4}.
Let's not forget {D1}: {F4}.
First priority, {D1}: {F4}.
A suggestion: contact {D1}. {F4}.
Drop {D1} a line: {F4}.
Consider {D1}: {F4}.
Check on {D1}: {F4}.
What's the next step with {D1}? {F4}.
Maybe a call to {D1}? {F4}.
To follow up: {F4}.
One deal to check: {F4}.
Plan your next touch with {D1}: {F4}.
Confirm a meeting with {D2}: {F5}.
Get ready for {D2}: {F5}.
Note the close date: {F5}.
Schedule something with {D2}: {F5}.
Next in line: {F5}.
Keep this date in mind: {F5}.
Also, look at {D2}: {F5}.
Add a meeting: {F5}.
Overview: {F3}.
Context: {F3}.
Numbers to know: {F3}.
On win rate: {F3}.
Here is a number for context: {F3}.
In the background, {F3}.
To keep in mind: {F3}.
Good to know, {F3}.
Note: {F6}.
Please remember that {F6}.
A data note: {F6}.
Read with care: {F6}.
One reminder on the data: {F6}.
""".strip().splitlines()
)
JUDGED = tuple(
    """
Nice momentum to keep up: {F1}.
You're on a good run: {F1}.
This is encouraging: {F1}.
A good thing to keep doing: {F1}.
Let's acknowledge the progress: {F1}.
The good news is that {F1}.
A real strength this time: {F1}.
Here's a good number: {F1}.
Good focus on meetings: {F1}.
Up from your usual: {F1}.
Nice job here: {F1}.
You have good reason to smile: {F1}.
Let's keep this rhythm: {F1}.
A great note to begin on: {F1}.
What's working: {F1}.
Something to tighten: {F2}.
A spot to clean up: {F2}.
An open point: {F2}.
Let's plan these: {F2}.
Where a plan would help: {F2}.
Could be tidier: {F2}.
For your attention: {F2}.
A question to think about: {F2}.
Let's sort this: {F2}.
What to look at first: {F2}.
Worth planning: {F2}.
Time to tidy up: {F2}.
Some follow-up is needed: {F2}.
A little housekeeping: {F2}.
One thing to tackle: {F2}.
Start by calling {D1}: {F4}.
A short call to {D1} is worth it: {F4}.
Let's bring {D1} back to life: {F4}.
Put {D1} first this week: {F4}.
Good moment to call {D1}: {F4}.
Ask {D1} for an update: {F4}.
Reopen the conversation with {D1}: {F4}.
Get back to {D1}: {F4}.
Try {D1} again: {F4}.
Please call: {F4}.
An action to take: {F4}.
Say hello to {D1}: {F4}.
Next on your list: {F4}.
Find a time with {D2}: {F5}.
Set a meeting with {D2}: {F5}.
Make sure to plan {D2}: {F5}.
Look ahead to {D2}: {F5}.
A date is coming up: {F5}.
Prepare a meeting: {F5}.
Next, please look at {D2}: {F5}.
Numbers in context: {F3}.
A word on your win rate: {F3}.
This is the picture: {F3}.
For the bigger picture, {F3}.
Just for context, {F3}.
Keep this in mind: {F6}.
A short note on the data: {F6}.
Before we start, {F6}.
Please note this: {F6}.
Good to be aware: {F6}.
""".strip().splitlines()
)
RIGHTLY_REFUSED = tuple(
    """
Your meetings are heading the right way: {F1}.
A quick win could be here: {F2}.
Next steps are missing: {F2}.
Let's add next steps where they are missing: {F2}.
{F5}; let's get one on the calendar.
You're doing well here: {F1}.
Solid activity: {F1}.
{F2}, so that is one place to look.
This one is waiting for you: {F4}.
Steady hands: {F1}.
Your best next step might be {D1}: {F4}.
Let's get {D1} moving again: {F4}.
Fair warning: {F6}.
You did well with meetings: {F1}.
Let's take a look at the pipeline: {F2}.
Your efforts are visible here: {F1}.
A good foundation for the coming weeks: {F1}.
Top of the list of good news: {F1}.
A few deals to tidy up: {F2}.
""".strip().splitlines()
)
