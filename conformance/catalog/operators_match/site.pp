if 'hello world' =~ /(\w+) (\w+)/ { notify { "m $1 ${2} $0": } }
$r = ['abc' =~ /b/, 'abc' !~ /b/, 'abc' =~ 'b.', 5 =~ Integer, 'x' =~ Integer, 'x' !~ Integer, [1,2] =~ Array[Integer], {a => 1} =~ Hash[String,Integer], 'abc' =~ Pattern[/^a/], 'abc' =~ Enum['abc','d'], undef =~ Optional[String], 5 =~ Integer[6]]
notify { 'r': message => $r }
if 'abc' =~ /(b)/ { if 'zzz' =~ /q/ { } notify { "still $1": } }
notify { "outside [$1]": }
