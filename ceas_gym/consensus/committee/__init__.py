"""Consensus that trusts no single hub: a committee of c members, b of whom may be Byzantine.

It is executed message by message in plain Python. Every message carries a real tag, and no bit of
key is used twice. `round.execute` is the whole round on one page. The environment's compiled round
does not execute it: it assumes what is proved here, and charges what it costs (`consensus.hubs`).

    settings         the number of members, of Byzantine members, and the length of a tag
    round            the whole round: instructions, updates, agreement, fetch
    outcome          what came of it: models, messages, tags, key
    agreement        agreement with tags on one node's update, as a state machine without side
                     effects: Turpin-Coan and phase king
    broadcast        agreement with signatures: Dolev-Strong
    signatures       ideal signatures, which every member can verify, and the key that they cost
    members          what an honest member stores, sends and receives
    network          delivery of messages, deadlines, and what Byzantine parties can see
    behaviours       what Byzantine parties do, by name
    messages         encoding of messages as bytes, and digests
    keys             the key of every link
    counts           how many tags and bits of key a round takes, and how long it can last
    authentication   Wegman-Carter tags and one-time pads
    galois           arithmetic in the fields GF(2^t)

Source:
    Lamport, Shostak and Pease, ACM TOPLAS 4, 382 (1982): with tags alone c >= 3 b + 1 is necessary.
"""
