"""Independent reference series for the indicator catalogue.

Run once by hand, outside of the test run; its output is stored beside the tests:

    python3 -m venv venv && venv/bin/pip install TA-Lib==0.8.2
    venv/bin/python scripts/reference/talib_reference.py tests/golden/indicators/reference.json.gz

Every formula that TA-Lib has comes from TA-Lib itself (the C library inside the wheel). The others are written here from
their definitions, directly and slowly: whole windows are summed anew for every bar with math.fsum, nothing is kept
between bars unless the definition is recursive. No code is shared with the product.

The candles are 5000 hourly bars from integer arithmetic (a 32-bit linear congruential generator, prices in whole cents),
so that the tests make the same ones; a checksum is stored. Of each series the first bars and every 13th after them are
kept, as are the first index with a value and the last value.
"""

import gzip
import json
import math
import sys

import numpy as np
import talib

BARS = 5000
HEAD = 100
STRIDE = 13
HOUR_MS = 3_600_000
NAN = float("nan")


def make_candles():
    """Opens, highs, lows, closes in cents and volumes, all integers."""
    state = 20240501

    def draw(n):
        nonlocal state
        state = (state * 1664525 + 1013904223) % 4294967296
        return (state >> 8) % n

    rows = []
    close = 1_000_000
    for _ in range(BARS):
        opened = close + draw(401) - 200
        pull = (1_000_000 - opened) // 200
        close = opened + draw(6001) - 3000 + pull
        high = max(opened, close) + draw(1500)
        low = min(opened, close) - draw(1500)
        rows.append((opened, high, low, close, 1_000 + draw(90_000)))
    return rows


def window(xs, i, n):
    """The last n values at bar i, or None while there are fewer or one of them is missing."""
    if i + 1 < n:
        return None
    part = xs[i + 1 - n : i + 1]
    return None if any(math.isnan(x) for x in part) else part


def rolling(xs, n, f):
    out = []
    for i in range(len(xs)):
        part = window(xs, i, n)
        out.append(NAN if part is None else f(part))
    return out


def mean(part):
    return math.fsum(part) / len(part)


def weighted(part):
    return math.fsum((k + 1) * x for k, x in enumerate(part)) / (len(part) * (len(part) + 1) / 2)


def ema(xs, n):
    """SMA-seeded EMA that starts at the first value there is."""
    out, seed, value = [], [], None
    for x in xs:
        if math.isnan(x):
            out.append(NAN)
            continue
        if value is None:
            seed.append(x)
            if len(seed) == n:
                value = mean(seed)
        else:
            value = value + 2 / (n + 1) * (x - value)
        out.append(NAN if value is None else value)
    return out


def wilder(xs, n):
    out, seed, value = [], [], None
    for x in xs:
        if math.isnan(x):
            out.append(NAN)
            continue
        if value is None:
            seed.append(x)
            if len(seed) == n:
                value = mean(seed)
        else:
            value = (value * (n - 1) + x) / n
        out.append(NAN if value is None else value)
    return out


def main(path):
    rows = make_candles()
    O, H, L, C = ([r[k] / 100 for r in rows] for k in range(4))
    V = [float(r[4]) for r in rows]
    o, h, l, c, v = (np.array(x, dtype=float) for x in (O, H, L, C, V))
    TP = [(H[i] + L[i] + C[i]) / 3 for i in range(BARS)]
    TR = [NAN] + [max(H[i] - L[i], abs(H[i] - C[i - 1]), abs(L[i] - C[i - 1])) for i in range(1, BARS)]
    series = []

    def add(indicator, params, component, values, origin, source="close", start=0):
        values = [float(x) for x in values]
        if start:  # compared from this bar on
            values = [NAN if i < start else x for i, x in enumerate(values)]
        first = next(i for i, x in enumerate(values) if not math.isnan(x))
        kept = [i for i in range(first, BARS) if i < HEAD or (i - HEAD) % STRIDE == 0 or i == BARS - 1]
        series.append(
            {
                "indicator": indicator,
                "params": params,
                "component": component,
                "source": source,
                "origin": origin,
                "first": first,
                "values": [values[i] for i in kept],
            }
        )

    ta, own = "TA-Lib", "definition"

    add("sma", {"period": 20}, "value", talib.SMA(c, 20), ta)
    add("sma", {"period": 200}, "value", talib.SMA(c, 200), ta)
    add("wma", {"period": 20}, "value", talib.WMA(c, 20), ta)
    add("ema", {"period": 20}, "value", talib.EMA(c, 20), ta)
    add("ema", {"period": 50}, "value", talib.EMA((h + l) / 2, 50), ta, source="hl2")
    add("dema", {"period": 20}, "value", talib.DEMA(c, 20), ta)
    add("tema", {"period": 20}, "value", talib.TEMA(c, 20), ta)
    add("kama", {"period": 10, "fast": 2, "slow": 30}, "value", talib.KAMA(c, 10), ta)
    add("rsi", {"period": 14}, "value", talib.RSI(c, 14), ta)
    add("rsi", {"period": 7}, "value", talib.RSI((h + l + c) / 3, 7), ta, source="hlc3")
    k, d = talib.STOCHF(h, l, c, 14, 3, 0)
    # TA-Lib withholds k until d exists; k alone is Williams %R turned over
    add("stochastic", {"k": 14, "smoothK": 1, "d": 3}, "k", talib.WILLR(h, l, c, 14) + 100, ta)
    add("stochastic", {"k": 14, "smoothK": 1, "d": 3}, "d", d, ta)
    k, d = talib.STOCH(h, l, c, 14, 3, 0, 5, 0)
    add("stochastic", {"k": 14, "smoothK": 3, "d": 5}, "k", k, ta)
    add("stochastic", {"k": 14, "smoothK": 3, "d": 5}, "d", d, ta)
    add("williamsR", {"period": 14}, "value", talib.WILLR(h, l, c, 14), ta)
    add("cci", {"period": 20}, "value", talib.CCI(h, l, c, 20), ta)
    add("mfi", {"period": 14}, "value", talib.MFI(h, l, c, v, 14), ta)
    add("ultimate", {"short": 7, "medium": 14, "long": 28}, "value", talib.ULTOSC(h, l, c, 7, 14, 28), ta)
    line, signal, hist = talib.MACD(c, 12, 26, 9)
    for component, values in (("line", line), ("signal", signal), ("histogram", hist)):
        add("macd", {"fast": 12, "slow": 26, "signal": 9, "seeding": "ta_lib"}, component, values, ta)
        add("macd", {"fast": 12, "slow": 26, "signal": 9, "seeding": "own"}, component, values, ta, start=300)
    own_line = [a - b for a, b in zip(ema(C, 12), ema(C, 26))]
    add("macd", {"fast": 12, "slow": 26, "signal": 9, "seeding": "own"}, "line", own_line, own)
    add("macd", {"fast": 12, "slow": 26, "signal": 9, "seeding": "own"}, "signal", ema(own_line, 9), own)
    add("adx", {"period": 14}, "adx", talib.ADX(h, l, c, 14), ta)
    add("adx", {"period": 14}, "plusDi", talib.PLUS_DI(h, l, c, 14), ta)
    add("adx", {"period": 14}, "minusDi", talib.MINUS_DI(h, l, c, 14), ta)
    add("atr", {"period": 14}, "value", talib.ATR(h, l, c, 14), ta)
    add("atr", {"period": 14}, "pct", talib.NATR(h, l, c, 14), ta)
    upper, middle, lower = talib.BBANDS(c, 20, 2, 2, 0)
    add("bollinger", {"period": 20, "k": 2}, "middle", middle, ta)
    add("bollinger", {"period": 20, "k": 2}, "upper", upper, ta)
    add("bollinger", {"period": 20, "k": 2}, "lower", lower, ta)
    add("bollinger", {"period": 20, "k": 2}, "bandwidth", (upper - lower) / middle, ta)
    add("bollinger", {"period": 20, "k": 2}, "percentB", (c - lower) / (upper - lower), ta)
    add("psar", {"step": 0.02, "max": 0.2}, "value", talib.SAR(h, l, 0.02, 0.2), ta)
    sar = talib.SAR(h, l, 0.02, 0.2)
    add("psar", {"step": 0.02, "max": 0.2}, "direction", [NAN if math.isnan(s) else (1 if s < (H[i] + L[i]) / 2 else -1) for i, s in enumerate(sar)], ta)
    add("obv", {"maPeriod": 20}, "value", talib.OBV(c, v), ta)
    add("obv", {"maPeriod": 20}, "ma", talib.SMA(talib.OBV(c, v), 20), ta)
    add("donchian", {"period": 20}, "upper", talib.MAX(h, 20), ta)
    add("donchian", {"period": 20}, "lower", talib.MIN(l, 20), ta)
    add("donchian", {"period": 20}, "middle", (talib.MAX(h, 20) + talib.MIN(l, 20)) / 2, ta)
    reach = 1.5 * talib.ATR(h, l, c, 5)
    add("keltner", {"period": 20, "atrPeriod": 5, "multiplier": 1.5}, "middle", talib.EMA(c, 20), ta)
    add("keltner", {"period": 20, "atrPeriod": 5, "multiplier": 1.5}, "upper", talib.EMA(c, 20) + reach, ta)
    add("keltner", {"period": 20, "atrPeriod": 5, "multiplier": 1.5}, "lower", talib.EMA(c, 20) - reach, ta)
    add("stdDev", {"period": 20, "multiplier": 1}, "value", talib.STDDEV(c, 20, 1), ta)
    add("roc", {"period": 10}, "value", talib.ROC(c, 10), ta)
    k, d = talib.STOCHRSI(c, 14, 14, 3, 0)
    add("stochRsi", {"rsiPeriod": 14, "k": 14, "smoothK": 1, "d": 3}, "k", k, ta, start=29)
    add("stochRsi", {"rsiPeriod": 14, "k": 14, "smoothK": 1, "d": 3}, "d", d, ta)
    down, up = talib.AROON(h, l, 14)
    add("aroon", {"period": 14}, "up", up, ta)
    add("aroon", {"period": 14}, "down", down, ta)
    add("aroon", {"period": 14}, "oscillator", talib.AROONOSC(h, l, 14), ta)
    add("linearRegression", {"period": 14}, "value", talib.LINEARREG(c, 14), ta)
    add("linearRegression", {"period": 14}, "slope", talib.LINEARREG_SLOPE(c, 14), ta)
    add("linearRegression", {"period": 14}, "intercept", talib.LINEARREG_INTERCEPT(c, 14), ta)

    # What TA-Lib does not have, from the definitions.
    pv = [C[i] * V[i] for i in range(BARS)]
    add("vwma", {"period": 20}, "value", [a / b for a, b in zip(rolling(pv, 20, math.fsum), rolling(V, 20, math.fsum))], own)
    half, whole = rolling(C, 10, weighted), rolling(C, 20, weighted)
    add("hull", {"period": 20}, "value", rolling([2 * a - b for a, b in zip(half, whole)], 4, weighted), own)

    atr10 = wilder(TR, 10)
    lines, directions, up_band, down_band, direction = [], [], None, None, -1
    for i in range(BARS):
        if math.isnan(atr10[i]):
            lines.append(NAN)
            directions.append(NAN)
            continue
        u = (H[i] + L[i]) / 2 + 3 * atr10[i]
        d = (H[i] + L[i]) / 2 - 3 * atr10[i]
        up_band = u if up_band is None or u < up_band or C[i - 1] > up_band else up_band
        down_band = d if down_band is None or d > down_band or C[i - 1] < down_band else down_band
        direction = 1 if C[i] > up_band else -1 if C[i] < down_band else direction
        lines.append(down_band if direction == 1 else up_band)
        directions.append(direction)
    add("supertrend", {"period": 10, "multiplier": 3}, "line", lines, own)
    add("supertrend", {"period": 10, "multiplier": 3}, "direction", directions, own)

    def mid(n):
        return [(a + b) / 2 for a, b in zip(rolling(H, n, max), rolling(L, n, min))]

    def back(xs, n):
        return [NAN] * n + list(xs[: BARS - n])

    p = {"tenkan": 9, "kijun": 26, "senkou": 52, "displacement": 26}
    add("ichimoku", p, "tenkan", mid(9), own)
    add("ichimoku", p, "kijun", mid(26), own)
    add("ichimoku", p, "spanA", back([(a + b) / 2 for a, b in zip(mid(9), mid(26))], 25), own)
    add("ichimoku", p, "spanB", back(mid(52), 25), own)
    add("ichimoku", p, "chikouRef", back(C, 25), own)

    day = [range(i - i % 24, i + 1) for i in range(BARS)]
    add("vwap", {}, "value", [math.fsum(TP[j] * V[j] for j in d) / math.fsum(V[j] for j in d) for d in day], own)
    moves = [NAN] + [10000 * ((H[i] + L[i]) / 2 - (H[i - 1] + L[i - 1]) / 2) * (H[i] - L[i]) / V[i] for i in range(1, BARS)]
    add("eom", {"period": 14, "divisor": 10000}, "value", rolling(moves, 14, mean), own)
    flow = [0.0 if H[i] == L[i] else ((C[i] - L[i]) - (H[i] - C[i])) / (H[i] - L[i]) * V[i] for i in range(BARS)]
    add("cmf", {"period": 20}, "value", [a / b for a, b in zip(rolling(flow, 20, math.fsum), rolling(V, 20, math.fsum))], own)
    chop = [
        100 * math.log10(t / (a - b)) / math.log10(14)
        for t, a, b in zip(rolling(TR, 14, math.fsum), rolling(H, 14, max), rolling(L, 14, min))
    ]
    add("choppiness", {"period": 14}, "value", chop, own)

    pivots = {name: [] for name in ("pivot", "r1", "r2", "r3", "s1", "s2", "s3")}
    for i in range(BARS):
        start = i - i % 24 - 24
        if start < 0:
            for values in pivots.values():
                values.append(NAN)
            continue
        hi, lo, cl = max(H[start : start + 24]), min(L[start : start + 24]), C[start + 23]
        pp = (hi + lo + cl) / 3
        levels = (pp, 2 * pp - lo, pp + (hi - lo), hi + 2 * (pp - lo), 2 * pp - hi, pp - (hi - lo), lo - 2 * (hi - pp))
        for values, level in zip(pivots.values(), levels):
            values.append(level)
    for name, values in pivots.items():
        add("pivotPoints", {"method": "classic"}, name, values, own)

    ha_open, ha_close = [], []
    for i in range(BARS):
        ha_open.append((O[i] + C[i]) / 2 if i == 0 else (ha_open[-1] + ha_close[-1]) / 2)
        ha_close.append((O[i] + H[i] + L[i] + C[i]) / 4)
    ha_high = [max(H[i], ha_open[i], ha_close[i]) for i in range(BARS)]
    ha_low = [min(L[i], ha_open[i], ha_close[i]) for i in range(BARS)]
    for name, values in (("ha_open", ha_open), ("ha_high", ha_high), ("ha_low", ha_low), ("ha_close", ha_close)):
        add("sma", {"period": 1}, "value", values, own, source=name)

    checksum = sum((i + 1) * (a + 2 * b + 3 * d + 5 * e + 7 * f) for i, (a, b, d, e, f) in enumerate(rows)) % 4294967296
    document = {
        "bars": BARS,
        "head": HEAD,
        "stride": STRIDE,
        "checksum": checksum,
        "talib": talib.__version__,
        "series": series,
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    with open(path, "wb") as file:
        file.write(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1])
