$r = [true and false, true or false, !true, !undef, !'' , !'false', 'x' and true, false or undef, (1 == 2) or (2 == 2)]
notify { 'r': message => $r }
