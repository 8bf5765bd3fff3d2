$t = "Foo-Bar_2024\nline2"
notify { 'r': message => [$t =~ /^line2$/, $t =~ /\Aline2/, $t =~ /(?i:foo)/, $t =~ /\h{4}/, 'aéb' =~ /a.b/, 'x.y' =~ /x\.y/, "a\nb" =~ /a.b/, "a\nb" =~ /(?m:a.b)/, 'ab12'.regsubst('(\w)(\d)', '\2\1'), 'abc'.match(/b(c)/), 'ab' =~ /(?<first>a)/] }
if 'key=value' =~ /(?<k>\w+)=(?<v>\w+)/ { notify { "m $1 $2": } }
