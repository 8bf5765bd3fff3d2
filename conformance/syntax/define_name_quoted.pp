class 'a' {}
