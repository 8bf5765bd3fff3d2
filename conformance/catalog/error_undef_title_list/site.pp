notify { ["a", undef]: }
