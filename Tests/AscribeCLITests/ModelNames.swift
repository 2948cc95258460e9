import ONNXFormat

/// The names in a model file.
struct ModelNames {
  let nodes: [String]

  init(_ path: String) throws {
    nodes = try ModelFile(opening: path).messages().graph.nodes.map(\.name)
  }
}
