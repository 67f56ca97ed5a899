module overhear.test/mcp

go 1.19
