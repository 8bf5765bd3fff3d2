class m::sub { notify { "sub ${m::value} ${module_name}": } }
