node 'a b', 'ä' {}
