"""A gateway's own lists of a day (history, search, payments, settlements), held against ours.

The path of one day:

    ask.ask_for_day        staff, the clock or a command want it: the row
    run.reconcile_day      claims the row and leads through the rest
    read.read_day          the gateway's lists of the day and of its neighbours
    ours.find_ours         our tries and refunds that these lists name, and those of the day that they do not
    compare.compare        both sides, without a database: what does not agree
    record.record_breaks   each break once, and those closed that agree now
    mend.mend              the gateway is asked about what it collected, and settle_batch() books what it says
    fees.book_fees         what the gateway kept
"""
