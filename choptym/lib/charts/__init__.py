"""Pictures of figures over time, as paths and percentages: templates turn them into SVG, and nothing here is markup.

A picture is stretched to the width that there is, so all text stands beside the SVG: legible on a phone too.
"""
