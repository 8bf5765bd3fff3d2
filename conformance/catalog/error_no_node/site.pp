node "other" { }
