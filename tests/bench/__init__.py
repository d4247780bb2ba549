"""Figures, reported and never asserted. Run by ``make bench``; the ordinary test run does not collect them."""
