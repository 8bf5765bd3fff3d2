$u = undef
notify { $u: }
