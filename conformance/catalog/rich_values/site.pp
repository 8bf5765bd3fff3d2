notify { 'a': message => default }
notify { 'b': message => /ab\/c/ }
notify { 'c': message => Integer[1,2] }
notify { 'd': message => {1 => 'one'} }
notify { 'e': message => [1, [Optional[String[1]]]] }
notify { 'f': message => {'k' => default} }
notify { 'g': message => String }
