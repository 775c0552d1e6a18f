"""What words mean, from the words alone: pure functions that never raise, one module per decision.

`words` normalises what a recogniser writes; upon it, `wishes` tells what a caller wants, `services`
which work they mean, `dates` and `times` when, `people` and `vehicles` who and which car,
`agreement` whether they agree, `choices` which of several things they mean. What the answer is
*for* (the question that was open) is the desk's business.
"""
