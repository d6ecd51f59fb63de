"""Statements and rows of `sql.py` and `async_sql.py`."""

from __future__ import annotations

from decimal import Decimal

TABLES = [
    """CREATE TABLE Country (
        Code CHAR(3) PRIMARY KEY,
        Name CHAR(52),
        Continent CHAR(50),
        SurfaceArea DECIMAL(10, 2),
        Population INT
    )""",
    """CREATE TABLE City (
        ID INT,
        Name CHAR(35),
        CountryCode CHAR(3),
        District CHAR(20),
        Population INT,
        PRIMARY KEY (ID, CountryCode)
    ) WITH "affinityKey=CountryCode" """,
    """CREATE TABLE CountryLanguage (
        CountryCode CHAR(3),
        Language CHAR(30),
        IsOfficial BOOLEAN,
        Percentage DECIMAL(4, 1),
        PRIMARY KEY (CountryCode, Language)
    ) WITH "affinityKey=CountryCode" """,
    "CREATE INDEX idx_country_code ON City (CountryCode)",
    "CREATE INDEX idx_lang_country_code ON CountryLanguage (CountryCode)",
]

DROP_TABLES = [f"DROP TABLE IF EXISTS {name}" for name in ("City", "CountryLanguage", "Country")]

COUNTRY_INSERT = "INSERT INTO Country (Code, Name, Continent, SurfaceArea, Population) VALUES (?, ?, ?, ?, ?)"
CITY_INSERT = "INSERT INTO City (ID, Name, CountryCode, District, Population) VALUES (?, ?, ?, ?, ?)"
LANGUAGE_INSERT = "INSERT INTO CountryLanguage (CountryCode, Language, IsOfficial, Percentage) VALUES (?, ?, ?, ?)"

TOP_CITIES = """
    SELECT Country.Name AS country_name, City.Name AS city_name, City.Population AS max_pop
    FROM Country JOIN City ON City.CountryCode = Country.Code
    WHERE City.Population = (SELECT MAX(Population) FROM City AS Other WHERE Other.CountryCode = Country.Code)
    ORDER BY max_pop DESC
"""

COUNTRIES = [
    ["USA", "United States", "North America", Decimal("9363520.00"), 278357000],
    ["IND", "India", "Asia", Decimal("3287263.00"), 1013662000],
    ["CHN", "China", "Asia", Decimal("9572900.00"), 1277558000],
]

CITIES = [
    [3793, "New York", "USA", "New York", 8008278],
    [3794, "Los Angeles", "USA", "California", 3694820],
    [3802, "Detroit", "USA", "Michigan", 951270],
    [1024, "Mumbai (Bombay)", "IND", "Maharashtra", 10500000],
    [1025, "Delhi", "IND", "Delhi", 7206704],
    [1026, "Calcutta [Kolkata]", "IND", "West Bengali", 4399819],
    [1890, "Shanghai", "CHN", "Shanghai", 9696300],
    [1891, "Peking", "CHN", "Peking", 7472000],
]

LANGUAGES = [
    ["USA", "English", True, Decimal("86.2")],
    ["USA", "Spanish", False, Decimal("7.5")],
    ["IND", "Hindi", True, Decimal("39.9")],
    ["CHN", "Chinese", True, Decimal("92.0")],
]
