node a.b-c {}
