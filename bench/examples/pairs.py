"""Forty pairs of words that a reader of the King James Bible expects near each other."""

PAIRS = [
    tuple(pair.split())
    for pair in """
bread wine, gold silver, father mother, son daughter, sons daughters, brother sister, man woman, husband wife,
heaven earth, day night, king queen, moses aaron, david saul, abraham isaac, peter john, judah israel,
jerusalem zion, sheep goats, ox ass, horses chariots, sword spear, priests levites, sin iniquity, righteous wicked,
wisdom knowledge, joy gladness, life death, hand foot, eyes ears, mouth tongue, north south, east west,
law commandments, servant master, sun moon, wind rain, brass iron, hundred thousand, two three, prophet priest
""".replace("\n", " ").split(",")
]


def near(nearest):
    """Of the pairs, how many have their second word among the ten nearest of the first; `nearest` maps a word to its
    neighbours, itself first."""
    return sum(b in nearest.get(a, [])[1:11] for a, b in PAIRS)
