class m::other { }
notify { "x": }
