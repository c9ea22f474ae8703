"""Many refunds or wallet credits from one file.

    read.py     the file becomes rows of plain values; nothing of the database is known here
    check.py    each row becomes a line with its payment or customer, or a problem
    work.py     the lines of a started upload, a chunk at a time
    export.py   what became of each line, as a file

What staff press (upload, start, discard) stands in payments/bulk_upload.py.
"""
