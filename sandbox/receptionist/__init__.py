"""The receptionist of the sandbox: it answers chat completions as a good language model would.

    messages ─ reading ─→ the desk's state ─ doing ─→ a tool call ┐
                 │                         └ saying ─→ a text     ┴─→ receptionist.answer
                 ├ hearing: a turn of the caller
                 │   ├ wants: what they want → what is done about it (the table)
                 │   ├ answers: their answer to the question that is open
                 │   │    └ who: what they say of themselves
                 │   └ booking, errands: what that does to a visit, new or standing
                 └ results: a tool's result; consent: a refusal to do what they did not agree to

What words mean is told by `understanding`, what is said stands in `phrases` and `questions`.
"""
