"""The numbers of the hand-written company's stories, worked out by hand from the metric definitions.

The nine days from Monday 2026-03-02 to Tuesday 2026-03-10, one row per day. Letters for the stages of Shop &
Co, guessed from its workitem types: P planning, V 评审中, D developing, T 测试中 (status_3, which the second
type calls 已归档), G 草稿 (the second type's first status), R resolved (with 已上线), X rejected (with
已取消); U is unmapped.

What happens, by Beijing day. `+` is a creation, `>` a change of stage, `-` a deletion. S2 (parent of S3 and
S4) and S5 (once parent of S6) are no leaves.

before  +S20 P>R (02-25)
02 Mon  +S1 P  +S3 P  +S23 P  (+S2 P  +S5 P)
03 Tue  +T1 P (00:00:00)  -S23  S1 P>V  S3 P>D  +S4 P  +S7 P  +S8 G  +S18 P  (S2 P>D)
04 Wed  +S9 G (08:00)  S8 G>D  S1 V>D  +S10 P  +S11 P  +S12 P  S18 gets both labels  (S5 P>D)
05 Thu  +S13 P  +S14 P  +S15 P  S11 into R&D  S1 urgent too, D>T  S4 Nice To Have to High  S3 D>R  S7 P>X
        S12 P>T  +S22 P  S18 P>D  T1 P>D (23:59:59)
06 Fri  +S16 P (08:00)  +S6 P  S13 P>D  S1 T>R  S10 P>G with its type  S14 P>R  S12 T>D  S8 D>T  S22 P>D
        S3 R>D  +S19 G  +S17 P (23:59:59)
07 Sat  +S21 P  S3 D>R  S4 P>R  S12 D>T  +T2 D  -S19  S15 P>D (after its return)  (S2 D>R)
08 Sun  S17 P>D (00:00:00)  S16 P>D  S21 P>U  S6 P>D  S12 T>R  -S18
09 Mon  S1 loses its labels  S10 G>D  T1 D>X  S22 D>T (mended)  S8 T>R  -S13  S17 D>R (23:59:59)  (S5 D>R)
10 Tue  T2 D>R (07:59:59)  S21 U>D  S11 into v1.1.0  S9 G>X  -S14
"""

Row = tuple[int, ...]

STAGES = ["planning", "评审中", "developing", "测试中", "草稿", "resolved", "rejected", "unmapped"]
STACKED = ["resolved", "rejected", "草稿", "测试中", "developing", "评审中", "planning", "unmapped"]

# P V D T G R X U
LEAVES: list[Row] = [
    (3, 0, 0, 0, 0, 1, 0, 0),  # 02 P S1 S3 S23; R S20
    (4, 1, 1, 0, 1, 1, 0, 0),  # 03 P S4 S7 S18 T1; V S1; D S3; G S8
    (7, 0, 3, 0, 1, 1, 0, 0),  # 04 P S4 S7 S10 S11 S12 S18 T1; D S1 S3 S8; G S9
    (7, 0, 3, 2, 1, 2, 1, 0),  # 05 P S4 S10 S11 S13 S14 S15 S22; D S8 S18 T1; T S1 S12; G S9; R S3 S20; X S7
    (6, 0, 6, 1, 3, 3, 1, 0),  # 06 P S4 S6 S11 S15 S16 S17; D S3 S12 S13 S18 S22 T1; T S8; G S9 S10 S19;
    #                               R S1 S14 S20
    (5, 0, 6, 2, 2, 5, 1, 0),  # 07 P S6 S11 S16 S17 S21; D S13 S15 S18 S22 T1 T2; T S8 S12; G S9 S10;
    #                               R S1 S3 S4 S14 S20
    (1, 0, 8, 1, 2, 6, 1, 1),  # 08 P S11; D S6 S13 S15 S16 S17 S22 T1 T2; T S8; R + S12; U S21
    (1, 0, 5, 1, 1, 8, 2, 1),  # 09 D S6 S10 S15 S16 T2; T S22; G S9; R + S8 S17; X S7 T1
    (1, 0, 5, 1, 0, 8, 3, 0),  # 10 D S6 S10 S15 S16 S21; R - S14 + T2; X + S9
]
# In UTC what happens before 08:00 in Beijing is of the day before: T1's creation (of the 2nd), S17 P>D (7th),
# T2 D>R (9th). What happens at 08:00:00 is 00:00:00 of the same day.
LEAVES_UTC: list[Row] = [
    (4, 0, 0, 0, 0, 1, 0, 0),
    *LEAVES[1:5],
    (4, 0, 7, 2, 2, 5, 1, 0),
    LEAVES[6],
    (1, 0, 4, 1, 1, 9, 2, 1),
    LEAVES[8],
]
# S2 and S5.
PARENTS: list[Row] = [
    (2, 0, 0, 0, 0, 0, 0, 0),
    (1, 0, 1, 0, 0, 0, 0, 0),
    (0, 0, 2, 0, 0, 0, 0, 0),
    (0, 0, 2, 0, 0, 0, 0, 0),
    (0, 0, 2, 0, 0, 0, 0, 0),
    (0, 0, 1, 0, 0, 1, 0, 0),
    (0, 0, 1, 0, 0, 1, 0, 0),
    (0, 0, 0, 0, 0, 2, 0, 0),
    (0, 0, 0, 0, 0, 2, 0, 0),
]
EVERYTHING: list[Row] = [
    (5, 0, 0, 0, 0, 1, 0, 0),
    (5, 1, 2, 0, 1, 1, 0, 0),
    (7, 0, 5, 0, 1, 1, 0, 0),
    (7, 0, 5, 2, 1, 2, 1, 0),
    (6, 0, 8, 1, 3, 3, 1, 0),
    (5, 0, 7, 2, 2, 6, 1, 0),
    (1, 0, 9, 1, 2, 7, 1, 1),
    (1, 0, 5, 1, 1, 10, 2, 1),
    (1, 0, 5, 1, 0, 10, 3, 0),
]
# Without S13, S14, S18, S19 and S23; S15 came back and counts.
EXCLUDE: list[Row] = [
    (2, 0, 0, 0, 0, 1, 0, 0),
    (3, 1, 1, 0, 1, 1, 0, 0),  # S18 was in P
    (6, 0, 3, 0, 1, 1, 0, 0),
    (5, 0, 2, 2, 1, 2, 1, 0),  # S13 and S14 in P, S18 in D
    (6, 0, 4, 1, 2, 2, 1, 0),  # S13 and S18 in D, S14 in R, S19 in G
    (5, 0, 4, 2, 2, 4, 1, 0),
    (1, 0, 7, 1, 2, 5, 1, 1),
    (1, 0, 5, 1, 1, 7, 2, 1),
    (1, 0, 5, 1, 0, 8, 3, 0),
]
# done_from=range, asked from the 6th on: in R only S1 S14, S3 S4 (7th), S12 (8th), S8 S17 (9th), T2 (10th);
# in X only T1 (9th), S9 (10th).
RANGE: list[Row] = [
    (6, 0, 6, 1, 3, 2, 0, 0),
    (5, 0, 6, 2, 2, 4, 0, 0),
    (1, 0, 8, 1, 2, 5, 0, 1),
    (1, 0, 5, 1, 1, 7, 1, 1),
    (1, 0, 5, 1, 0, 7, 2, 0),
]
# Arrivals up to resolved: the day each story first came to a place or beyond. Rejected is beyond all, 草稿
# stands after 测试中, since the types' stages follow one another.
# >= P   before S20; 2nd S1 S3 S23; 3rd S4 S7 S8 S18 T1; 4th S9 S10 S11 S12; 5th S13 S14 S15 S22;
#        6th S6 S16 S17 S19; 7th S21 T2
# >= V   before S20; 3rd S1 S3 S8; 4th S9; 5th S7 S12 S18 T1; 6th S10 S13 S14 S19 S22; 7th S4 S15 T2;
#        8th S6 S16 S17; 10th S21
# >= D   the same, but S1 on the 4th
# >= T   before S20; 3rd S8; 4th S9; 5th S1 S3 S7 S12; 6th S10 S14 S19; 7th S4; 9th S17 S22 T1; 10th T2
# >= G   before S20; 3rd S8; 4th S9; 5th S3 S7; 6th S1 S10 S14 S19; 7th S4; 8th S12; 9th S17 T1; 10th T2
# >= R   before S20; 5th S3 S7; 6th S1 S14; 7th S4; 8th S12; 9th S8 S17 T1; 10th S9 T2
ARRIVALS: list[Row] = [
    (4, 1, 1, 1, 1, 1),
    (9, 4, 3, 2, 2, 1),
    (13, 5, 5, 3, 3, 1),
    (17, 9, 9, 7, 5, 3),
    (21, 14, 14, 10, 9, 5),
    (23, 17, 17, 11, 10, 6),
    (23, 20, 20, 11, 11, 7),
    (23, 20, 20, 14, 13, 10),
    (23, 21, 21, 15, 14, 12),
]
NOTHING: Row = (0,) * 8

# type=Tech #1, core: S8, S9, S19 (so says its creation), S10 from the 6th on. As of now S10 always.
OF_TECH: list[Row] = [
    NOTHING,
    (0, 0, 0, 0, 1, 0, 0, 0),
    (0, 0, 1, 0, 1, 0, 0, 0),
    (0, 0, 1, 0, 1, 0, 0, 0),
    (0, 0, 0, 1, 3, 0, 0, 0),
    (0, 0, 0, 1, 2, 0, 0, 0),
    (0, 0, 0, 1, 2, 0, 0, 0),
    (0, 0, 1, 0, 1, 1, 0, 0),
    (0, 0, 1, 0, 0, 1, 1, 0),
]
OF_TECH_NOW: list[Row] = [
    *OF_TECH[:2],
    (1, 0, 1, 0, 1, 0, 0, 0),
    (1, 0, 1, 0, 1, 0, 0, 0),
    *OF_TECH[4:],
]
# Nothing tells the types of S18 and S23.
OF_NO_TYPE: list[Row] = [
    (1, 0, 0, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 1, 0, 0, 0, 0, 0),
    (0, 0, 1, 0, 0, 0, 0, 0),
    (0, 0, 1, 0, 0, 0, 0, 0),
    *[NOTHING] * 3,
]
# iteration=R&D #1, beta+, called R&D when S11 was put there; the same is the version.
OF_BETA: list[Row] = [*[NOTHING] * 3, *[(1, 0, 0, 0, 0, 0, 0, 0)] * 5, NOTHING]
# priority=High: S3, S4 from the 5th on, S19. S12's own word is another than its number.
OF_HIGH: list[Row] = [
    (1, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 1, 0, 0, 0, 0, 0),
    (0, 0, 1, 0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0, 1, 0, 0),
    (1, 0, 1, 0, 1, 0, 0, 0),
    *[(0, 0, 0, 0, 0, 2, 0, 0)] * 4,
]
OF_URGENCY: list[Row] = [
    NOTHING,
    NOTHING,
    (1, 0, 0, 0, 0, 0, 0, 0),
    (0, 0, 0, 1, 0, 0, 0, 0),
    (0, 0, 1, 0, 0, 0, 0, 0),
    (0, 0, 0, 1, 0, 0, 0, 0),
    *[(0, 0, 0, 0, 0, 1, 0, 0)] * 3,
]
# Labels: VIP S1 until the 9th, S13, S18 from the 4th on; urgent S8, S13, S1 from the 5th until the 9th, S18
# from the 4th on; without any the others. The lines exceed the total by who has both.
BY_LABEL: dict[str, list[Row]] = {
    "VIP": [
        (1, 0, 0, 0, 0, 0, 0, 0),  # S1
        (0, 1, 0, 0, 0, 0, 0, 0),
        (1, 0, 1, 0, 0, 0, 0, 0),  # S18 S1
        (1, 0, 1, 1, 0, 0, 0, 0),  # S13 S18 S1
        (0, 0, 2, 0, 0, 1, 0, 0),  # S13 S18; S1
        (0, 0, 2, 0, 0, 1, 0, 0),
        (0, 0, 1, 0, 0, 1, 0, 0),  # S18 is deleted
        NOTHING,  # S13 is deleted, S1 has none any more
        NOTHING,
    ],
    "urgent": [
        NOTHING,
        (0, 0, 0, 0, 1, 0, 0, 0),  # S8
        (1, 0, 1, 0, 0, 0, 0, 0),  # S18 S8
        (1, 0, 2, 1, 0, 0, 0, 0),  # S13; S8 S18; S1
        (0, 0, 2, 1, 0, 1, 0, 0),  # S13 S18; S8; S1
        (0, 0, 2, 1, 0, 1, 0, 0),
        (0, 0, 1, 1, 0, 1, 0, 0),
        (0, 0, 0, 0, 0, 1, 0, 0),  # S8
        (0, 0, 0, 0, 0, 1, 0, 0),
    ],
    "N/A": [
        (2, 0, 0, 0, 0, 1, 0, 0),
        (4, 0, 1, 0, 0, 1, 0, 0),
        (6, 0, 1, 0, 1, 1, 0, 0),
        (6, 0, 1, 1, 1, 2, 1, 0),
        (6, 0, 4, 0, 3, 2, 1, 0),
        (5, 0, 4, 1, 2, 4, 1, 0),
        (1, 0, 7, 0, 2, 5, 1, 1),
        (1, 0, 5, 1, 1, 7, 2, 1),
        (1, 0, 5, 1, 0, 7, 3, 0),
    ],
}

# 引擎 C++ in Berlin's days, from the 1st on, when nothing is known yet: backlog, doing, shipped, unmapped. U1
# is created on the 2nd at 23:00 and shipped on the 8th at 23:30 there.
ENGINE_STAGES = ["backlog", "doing", "shipped", "unmapped"]
ENGINE: list[Row | None] = [
    None,
    (1, 0, 0, 0),
    (1, 0, 0, 0),
    (2, 0, 0, 0),
    (1, 1, 0, 0),
    (0, 1, 0, 1),
    (0, 1, 0, 1),
    *[(0, 0, 1, 1)] * 3,
]
