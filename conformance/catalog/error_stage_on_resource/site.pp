notify { "a": stage => main }
