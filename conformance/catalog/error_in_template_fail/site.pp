class a { notify { "x": message => epp("t/bad.epp", {x => 1}) } }
include a
