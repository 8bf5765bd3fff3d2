$r = [1 == 1.0, 'a' == 'A', 'a' < 'b', 'B' > 'a', 1 < 2, 2 >= 2, 'abc' != 'ABC', [1,'a'] == [1.0,'A'], {a => 1} == {a => 1.0}, undef == undef, undef == '', true != false, 1 == '1', Integer == Integer, Integer < Numeric, String[1] <= String, Numeric > Integer[1,2]]
notify { 'r': message => $r }
