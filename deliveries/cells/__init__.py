"""Several whole installations, and moving a customer from one to another. docs/cells.md, ADR 32.

cell.py          a cell as its settings file names it, and connections to both
agreement.py     what two cells must have alike
moved_tables.py  which rows are a customer's, table by table
copying.py       rows of a table from one database into the other, by COPY
belongings.py    what people edit: sealed anew for the other cell's keys
history.py       the log: all of it once, then what has changed since
partitions.py    days of its log
stages.py        what each side does at the moment: frozen, closed, open
move.py          the whole move, step by step; may be stopped anywhere and run again
survey.py        what a move would bring, counted
router.py        telling HAProxy, and the files of its maps

Nothing here runs in a web server or worker: the command alone knows it.
"""
