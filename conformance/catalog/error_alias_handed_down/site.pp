define d { notify { "d": } notify { "e": } }
d { "q": alias => "qq" }
