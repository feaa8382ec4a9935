"""The numbers of the hand-written company, worked out by hand from the metric definitions.

The two weeks from Monday 2026-03-02 to Sunday 2026-03-15, one number per day. Letters for the stages of
Shop & Co: N new, P in_progress (with reopened), H Waiting #3, R resolved, V verified, C closed (with
status_9), X rejected.

What happens, by Beijing day. `+` is a creation, `>` a change of stage, `-` a departure; (o) open, (c)
closed.

before  +W26 N>C (02-25)  +W27 N>P
02 Mon  +W1 N  +W2 N>P  +W11 N  +W15 N  +W8 N  +E1 todo
03 Tue  +M2 N (00:00:00)  +E2 todo (06:00)  +W20 N  +W3 N>P  +W10 N  W1 N>P  +W24 N  W15 N>C  +W4 N  E1 dev
        W2 P>R  W11 N>C
04 Wed  W20 N>P  W2 R>C  +W14 N  +W5 N  W10 N>P  W1 P>R  +W6 N  +W28 N  E1 test  W4 N>C  E2 dev  +E3 todo
        +W25 N
05 Thu  +W21 N  +W7 N  W3 P>R  W1 R>V>C  +W16 N  W5 N>X  W24 serious to fatal  +W9 N  W28 N>P  E1 done
        W8 N>C  E2 test  W25 N>P  M2 N>X (23:59:59)
06 Fri  +W17 N  W21 N>P  W2 C>P  W7 N>P  W6 N>X  +W12 N  W3 R>P  +M3 N  W14 v1.0.0 to v1.1.0, N>P  E2 todo
        E3 unmapped  -W9 N(o) merged  W25 P>C
07 Sat  +W18 N  W10 to Mobile (P)  W3 fatal to serious  +M4 N  +W13 N (23:59:59)
08 Sun  W18 N>H  W11 to Mobile (C)  +W19 N  -W24 N(o) deleted
09 Mon  W13 N>P (00:00:00)  W20 P>C (chain mended)  W16 N>R with v1.0.0 to v1.1.0  M2 X>P  W2 P>R
        -W7 P(o) deleted  W15 v1.0.0 to v1.1.0 (c)  M4 into Sprint 2  W3 P>R  (W19's step rows are nothing)
10 Tue  +M1 N (04:00)  +W22 C  +W23 R  W2 R>C  W19 N>P  W10 P>R  M3 into Sprint 2  W28 P to Engine: E4 dev
        -W8 C(c) deleted  E3 dev  W13 P>R (23:59:59)
11 Wed  M1 N>P (07:59:59)  W18 H>C  W6 X>C  -W12 N(o) moved out  M4 N>P  -W25 C(c) deleted
12 Thu  W13 R>C (00:00:00)  M1 P>R (08:00:00)  W21 P>R (mended)  W14 P>C  W16 R>C with v1.1.0 to v1.0.0
        E4 done
13 Fri  W18 within C  W27 P>C
"""

Row = tuple[int, ...]

DAYS = [f"2026-03-{day:02d}" for day in range(2, 16)]
SHOP_STAGES = ["new", "in_progress", "Waiting #3", "resolved", "verified", "closed", "rejected"]

# Who is where at the end of the Beijing day:
BANDS: list[Row] = [
    # N           P  H  R  V  C  X
    (4, 2, 0, 0, 0, 1, 0),  # 02 N W1 W8 W11 W15; P W27 W2; C W26
    (6, 3, 0, 1, 0, 3, 0),  # 03 N W8 M2 W20 W10 W24 W4; P W27 W1 W3; R W2; C W26 W15 W11
    (8, 4, 0, 1, 0, 5, 0),  # 04 N W8 M2 W24 W14 W5 W6 W28 W25; P W27 W3 W20 W10; R W1; C + W2 W4
    (7, 5, 0, 1, 0, 7, 2),  # 05 N W24 W14 W6 W21 W7 W16 W9; P W27 W20 W10 W28 W25; R W3; C + W1 W8; X W5 M2
    (
        5,
        9,
        0,
        0,
        0,
        7,
        3,
    ),  # 06 N W24 W16 W17 W12 M3; P W27 W20 W10 W28 W21 W2 W7 W3 W14; C - W2 + W25; X + W6
    (8, 9, 0, 0, 0, 7, 3),  # 07 N + W18 M4 W13
    (7, 9, 1, 0, 0, 7, 3),  # 08 N W16 W17 W12 M3 M4 W13 W19; H W18
    (
        5,
        7,
        1,
        3,
        0,
        8,
        2,
    ),  # 09 N W17 W12 M3 M4 W19; P W27 W10 W28 W21 W14 W13 M2; R W16 W2 W3; C + W20; X W5 W6
    (
        5,
        5,
        1,
        5,
        0,
        9,
        2,
    ),  # 10 N W17 W12 M3 M4 M1; P W27 W21 W14 M2 W19; R W16 W3 W23 W10 W13; C + W22 W2 - W8
    (2, 7, 0, 5, 0, 10, 1),  # 11 N W17 M3; P W27 W21 W14 M2 W19 M1 M4; C + W18 W6 - W25; X W5
    (2, 4, 0, 5, 0, 13, 1),  # 12 P W27 M2 W19 M4; R W3 W23 W10 M1 W21; C + W13 W14 W16
    (2, 3, 0, 5, 0, 14, 1),  # 13 C + W27
    (2, 3, 0, 5, 0, 14, 1),
    (2, 3, 0, 5, 0, 14, 1),
]

# In UTC what happens before 08:00 in Beijing is of the day before: M2's creation (of the 2nd), W13 N>P
# (8th), M1's creation (9th), M1 N>P at 07:59:59 (10th), W13 R>C (11th). M1's 08:00:00 is 00:00:00 of the
# same day.
BANDS_UTC: list[Row] = [
    (5, 2, 0, 0, 0, 1, 0),  # M2 is there already
    *BANDS[1:6],
    (6, 10, 1, 0, 0, 7, 3),  # W13 is in P, not N
    (6, 7, 1, 3, 0, 8, 2),  # M1 is there already
    (4, 6, 1, 5, 0, 9, 2),  # M1 is in P, not N
    (2, 7, 0, 4, 0, 11, 1),  # W13 is in C, not R
    *BANDS[10:],
]

# Without W7, W8, W9, W24, W25 (deleted or merged) and W12 (moved out): W7 was in N on the 5th, in P 6th to
# 8th; W8 in N 2nd to 4th, in C 5th to 9th; W9 in N on the 5th; W12 in N 6th to 10th; W24 in N 3rd to 7th;
# W25 in N on the 4th, in P on the 5th, in C 6th to 10th. W28 went to a collected workspace and stays as it
# was.
BANDS_EXCLUDE: list[Row] = [
    (3, 2, 0, 0, 0, 1, 0),
    (4, 3, 0, 1, 0, 3, 0),
    (5, 4, 0, 1, 0, 5, 0),
    (4, 4, 0, 1, 0, 6, 2),
    (3, 8, 0, 0, 0, 5, 3),
    (6, 8, 0, 0, 0, 5, 3),
    (6, 8, 1, 0, 0, 5, 3),
    (4, 7, 1, 3, 0, 6, 2),
    (4, 5, 1, 5, 0, 8, 2),
    *BANDS[9:],
]

# done_from=range, asked from the 9th on: in C only those that came in since (9th W20, 10th W22 W2, 11th W18
# W6, 12th W13 W14 W16, 13th W27; W18's change of the 13th is within the stage); both in X came in before.
BANDS_RANGE: list[Row] = [
    (5, 7, 1, 3, 0, 1, 0),
    (5, 5, 1, 5, 0, 3, 0),
    (2, 7, 0, 5, 0, 5, 0),
    (2, 4, 0, 5, 0, 8, 0),
    (2, 3, 0, 5, 0, 9, 0),
    (2, 3, 0, 5, 0, 9, 0),
    (2, 3, 0, 5, 0, 9, 0),
]

# Arrivals at each stage up to closed: the day each bug first came to a place or beyond. Rejected is beyond
# all.
# >= N   before W26 W27; 2nd W1 W2 W8 W11 W15; 3rd W3 W4 W10 W20 W24 M2; 4th W5 W6 W14 W25 W28; 5th W7 W9
#        W16 W21; 6th W12 W17 M3; 7th W13 W18 M4; 8th W19; 10th W22 W23 M1
# >= P   before W26 W27; 2nd W2; 3rd W1 W3 W11 W15; 4th W4 W10 W20; 5th W5 W8 W25 W28 M2; 6th W6 W7 W14 W21;
#        8th W18; 9th W13 W16; 10th W22 W23 W19; 11th M1 M4
# >= H   before W26; 3rd W2 W11 W15; 4th W1 W4; 5th W3 W5 W8 M2; 6th W6 W25; 8th W18; 9th W16 W20;
#        10th W22 W23 W10 W13; 12th W14 W21 M1; 13th W27
# >= R   the same, but W18 on the 11th
# >= V   before W26; 3rd W11 W15; 4th W2 W4; 5th W1 W5 W8 M2; 6th W6 W25; 9th W20; 10th W22; 11th W18;
#        12th W13 W14 W16; 13th W27
# >= C   the same: W1 was verified and closed on one day
ARRIVALS: list[Row] = [
    (7, 3, 1, 1, 1, 1),
    (13, 7, 4, 4, 3, 3),
    (18, 10, 6, 6, 5, 5),
    (22, 15, 10, 10, 9, 9),
    (25, 19, 12, 12, 11, 11),
    (28, 19, 12, 12, 11, 11),
    (29, 20, 13, 12, 11, 11),
    (29, 22, 15, 14, 12, 12),
    (32, 25, 19, 18, 13, 13),
    (32, 27, 19, 19, 14, 14),
    (32, 27, 22, 22, 17, 17),
    (32, 27, 23, 23, 18, 18),
    (32, 27, 23, 23, 18, 18),
    (32, 27, 23, 23, 18, 18),
]

NOTHING: Row = (0, 0, 0, 0, 0, 0, 0, 0, 0)

# created, reopened, returned, resolved, closed, removed, removed_closed, moved_in, moved_out; product=Shop
# & Co. W10 and W11 move within the product: nothing. W6 goes from dropped to done: nothing. W23 is born
# resolved, W22 born closed. Open before: W27.
LEDGER_SHOP: list[Row] = [
    (5, 0, 0, 0, 0, 0, 0, 0, 0),  # open 6
    (6, 0, 0, 1, 2, 0, 0, 0, 0),  # resolved W2; closed W15 W11; open 10
    (5, 0, 0, 1, 2, 0, 0, 0, 0),  # resolved W1; closed W2 W4; open 13
    (4, 0, 0, 1, 4, 0, 0, 0, 0),  # resolved W3; closed W5 W1 W8 M2; open 13
    (3, 1, 1, 0, 2, 1, 0, 0, 0),  # reopened W2; returned W3; closed W6 W25; removed W9; open 14
    (3, 0, 0, 0, 0, 0, 0, 0, 0),  # open 17
    (1, 0, 0, 0, 0, 1, 0, 0, 0),  # removed W24; open 17
    (0, 1, 0, 3, 1, 1, 0, 0, 0),  # reopened M2; resolved W16 W2 W3; closed W20; removed W7; open 16
    (3, 0, 0, 3, 2, 0, 1, 0, 1),  # resolved W23 W10 W13; closed W22 W2; removed_closed W8; out W28; open 16
    (0, 0, 0, 0, 1, 0, 1, 0, 1),  # closed W18; removed_closed W25; out W12; open 14
    (0, 0, 0, 2, 3, 0, 0, 0, 0),  # resolved M1 W21; closed W13 W14 W16; open 11
    (0, 0, 0, 0, 1, 0, 0, 0, 0),  # closed W27; open 10
    NOTHING,
    NOTHING,
]
OPEN_SHOP = [6, 10, 13, 13, 14, 17, 17, 16, 16, 14, 11, 10, 10, 10]

# No filter, days of the default zone: E1, E2, E3 are added and W28's move is nothing.
LEDGER_ALL: list[Row] = [
    (6, 0, 0, 0, 0, 0, 0, 0, 0),  # + E1
    (7, 0, 0, 1, 2, 0, 0, 0, 0),  # + E2
    (6, 0, 0, 2, 2, 0, 0, 0, 0),  # + E3; resolved + E1
    (4, 0, 0, 2, 5, 0, 0, 0, 0),  # resolved + E2; closed + E1
    (3, 1, 2, 0, 2, 1, 0, 0, 0),  # returned + E2
    (3, 0, 0, 0, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 1, 0, 0, 0),
    (0, 1, 0, 3, 1, 1, 0, 0, 0),
    (3, 0, 0, 3, 2, 0, 1, 0, 0),  # W28 stays within what is asked for
    (0, 0, 0, 0, 1, 0, 1, 0, 1),
    (0, 0, 0, 2, 4, 0, 0, 0, 0),  # closed + E4
    (0, 0, 0, 0, 1, 0, 0, 0, 0),
    NOTHING,
    NOTHING,
]
OPEN_ALL = [7, 12, 16, 15, 16, 19, 19, 18, 19, 17, 13, 12, 12, 12]
LEDGER_ALL_WEEKS: list[Row] = [(30, 1, 2, 5, 11, 2, 0, 0, 0), (3, 1, 0, 8, 9, 1, 2, 0, 1)]

# product=Shop & Co, version=v1.0.0 as of then: W1 W2 W3 W5 W6 W7 W9 W10 W11 W20 W21 W26 W27 M1, W14 until
# the 6th, W15 until the 9th (closed: nothing), W16 until the 9th (out, its resolving is not seen here) and
# from the 12th (closed in the same second: nothing). Open before: W27.
LEDGER_V100: list[Row] = [
    (4, 0, 0, 0, 0, 0, 0, 0, 0),  # W1 W2 W11 W15; open 5
    (3, 0, 0, 1, 2, 0, 0, 0, 0),  # W20 W3 W10; resolved W2; closed W15 W11; open 6
    (3, 0, 0, 1, 1, 0, 0, 0, 0),  # W14 W5 W6; resolved W1; closed W2; open 8
    (4, 0, 0, 1, 2, 0, 0, 0, 0),  # W21 W7 W16 W9; resolved W3; closed W5 W1; open 10
    (0, 1, 1, 0, 1, 1, 0, 0, 1),  # reopened W2; returned W3; closed W6; removed W9; out W14; open 8
    NOTHING,
    NOTHING,
    (0, 0, 0, 2, 1, 1, 0, 0, 1),  # resolved W2 W3; closed W20; removed W7; out W16; open 5
    (1, 0, 0, 1, 1, 0, 0, 0, 0),  # M1; resolved W10; closed W2; open 5
    NOTHING,
    (0, 0, 0, 2, 0, 0, 0, 0, 0),  # resolved M1 W21; open 5
    (0, 0, 0, 0, 1, 0, 0, 0, 0),  # closed W27; open 4
    NOTHING,
    NOTHING,
]
OPEN_V100 = [5, 6, 8, 10, 8, 8, 8, 5, 5, 5, 5, 4, 4, 4]

# severity=fatal as of then: W3 until the 7th, W9, W24 from the 5th, M2, E2.
LEDGER_FATAL: list[Row] = [
    NOTHING,
    (3, 0, 0, 0, 0, 0, 0, 0, 0),  # M2 W3 E2
    NOTHING,
    (1, 0, 0, 2, 1, 0, 0, 1, 0),  # W9; resolved W3 E2; closed M2; in W24
    (0, 0, 2, 0, 0, 1, 0, 0, 0),  # returned W3 E2; removed W9
    (0, 0, 0, 0, 0, 0, 0, 0, 1),  # out W3
    (0, 0, 0, 0, 0, 1, 0, 0, 0),  # removed W24
    (0, 1, 0, 0, 0, 0, 0, 0, 0),  # reopened M2
    *[NOTHING] * 6,
]

# severity=serious as of then: W1 W10 W12 W18 W27 W28 E3, W24 until the 5th, W3 from the 7th.
LEDGER_SERIOUS: list[Row] = [
    (1, 0, 0, 0, 0, 0, 0, 0, 0),  # W1
    (2, 0, 0, 0, 0, 0, 0, 0, 0),  # W10 W24
    (2, 0, 0, 1, 0, 0, 0, 0, 0),  # W28 E3; resolved W1
    (0, 0, 0, 0, 1, 0, 0, 0, 1),  # closed W1; out W24
    (1, 0, 0, 0, 0, 0, 0, 0, 0),  # W12
    (1, 0, 0, 0, 0, 0, 0, 1, 0),  # W18; in W3
    NOTHING,
    (0, 0, 0, 1, 0, 0, 0, 0, 0),  # resolved W3
    (0, 0, 0, 1, 0, 0, 0, 0, 0),  # resolved W10
    (0, 0, 0, 0, 1, 0, 0, 0, 1),  # closed W18; out W12 (moved away)
    (0, 0, 0, 0, 1, 0, 0, 0, 0),  # closed W28
    (0, 0, 0, 0, 1, 0, 0, 0, 0),  # closed W27
    NOTHING,
    NOTHING,
]

# severity=serious as of now: W3 all the time, W24 never; what W3 did while it was fatal is counted.
LEDGER_SERIOUS_NOW: list[Row] = [
    (1, 0, 0, 0, 0, 0, 0, 0, 0),
    (2, 0, 0, 0, 0, 0, 0, 0, 0),  # W3 W10
    (2, 0, 0, 1, 0, 0, 0, 0, 0),
    (0, 0, 0, 1, 1, 0, 0, 0, 0),  # resolved W3; closed W1
    (1, 0, 1, 0, 0, 0, 0, 0, 0),  # W12; returned W3
    (1, 0, 0, 0, 0, 0, 0, 0, 0),  # W18
    *LEDGER_SERIOUS[6:],
]

# Open bugs of all products by severity; the sums are OPEN_ALL. normal: 2nd W2 W8 W11 E1; 3rd + W20 W4 - W11;
# 4th + W14 W6 - W2 W4; 5th + W16 W21 - W8 E1; 6th + W17 M3 W2 - W6; 7th + W13; 8th + W19; 9th - W20; 10th -
# W2; 12th - W13 W14 W16. prompt: W15 on the 2nd, W5 on the 4th, W23 from the 10th. advice: W7 5th to 8th,
# M4 from the 7th. N/A: W25 4th and 5th, M1 from the 10th.
BACKLOG_BY_SEVERITY: dict[str, list[int]] = {
    "fatal": [0, 3, 3, 4, 3, 2, 1, 2, 2, 2, 2, 2, 2, 2],
    "serious": [2, 4, 6, 4, 5, 7, 7, 7, 7, 5, 4, 3, 3, 3],
    "normal": [4, 5, 5, 5, 7, 8, 9, 8, 7, 7, 4, 4, 4, 4],
    "prompt": [1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
    "advice": [0, 0, 0, 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 1],
    "N/A": [0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
}

# iteration=Sprint 2, final: M4 from the 9th (the feed said 迭代旧, its name then), M3 from the 10th; both
# open.
BACKLOG_SPRINT_2 = [0, 0, 0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2]

# Bugs of Shop & Co by version, in the order in which the iterations of those names start.
# end of the 15th: W1 W2 W3 W5 W6 W10 W11 W16 W20 W21 W26 W27 M1; W4 W13 W14 W15 W19 W22 W23 M2 M3; W18; W17
# M4
VERSION_BUGS_15 = [("v1.0.0", 13), ("v1.1.0", 9), ("R&D #1, beta+", 1), ("N/A", 2)]
# end of the 8th: W1 W2 W3 W5 W6 W7 W10 W11 W15 W16 W20 W21 W26 W27; W4 W8 W12 W13 W14 W19 W28 M2 M3; W18;
# W17 W25 M4
VERSION_BUGS_08 = [("v1.0.0", 14), ("v1.1.0", 9), ("R&D #1, beta+", 1), ("N/A", 3)]
# 引擎 C++ goes by version_fix: E1 E3; E2 and E4 (W28) have none.
VERSION_BUGS_ENGINE = [("2.0", 2), ("N/A", 2)]
