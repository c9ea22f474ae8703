"""Every pair of doors on one payment, at the same time.

    starts.py   how a payment stands when the two knock
    doors.py    who may knock, when, and what they bring: data
    knocks.py   how they do it
    ends.py     how each pair may end: data, and one rule
    stops.py    one of the two is stopped between two of its statements, while the other runs until it ends or waits
    case.py     one payment with its customer, and the gateway that it is at
    truths.py   what must be true of it, right after the two and when all that was due has been done
    races.py    one race from its beginning to what was wrong

Nothing of ours is replaced: verbs and requests are those that workers, staff and customers call, the rows are committed
in PostgreSQL, and the gateway is the sandbox over HTTP, which decides nothing by itself.
"""
