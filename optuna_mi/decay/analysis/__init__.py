"""From a DecayCurve to a DecayAnalysis: law, inflections, periods, crossing, words."""
