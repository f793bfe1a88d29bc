"""`make bench`: how fast it is, beside plain references in the same run.

Machines differ, and so do moments: only ratios within one run mean anything.
All that is compared is therefore measured in turns.
"""
