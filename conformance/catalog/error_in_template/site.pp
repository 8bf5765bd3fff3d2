notice(epp("t/bad.epp"))
