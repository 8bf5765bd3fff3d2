class sub { notify { "sub": } }
notify { "c": }
