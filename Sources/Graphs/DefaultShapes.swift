package import Kernels
package import Tensors

extension Graph {
  /// One concrete shape per input: what the file declares, one sample where the first extent is open,
  /// 224 for an open extent of a picture, else 1. Nil where the file declares no extents.
  package var defaultShapes: [Shape]? {
    var shapes: [Shape] = []
    for input in inputs {
      guard let dimensions = declaredType(of: input)?.dimensions else { return nil }
      let extents = dimensions.enumerated().map { axis, dimension in
        if case .fixed(let extent) = dimension { return extent }
        return axis > 0 && dimensions.count == 4 ? 224 : 1
      }
      guard let shape = Shape(checking: extents) else { return nil }
      shapes.append(shape)
    }
    return shapes
  }

  /// The graph specialised to its default shapes.
  ///
  /// - Throws: `ModelError` if the file leaves the rank of an input open or the shapes do not fit.
  package func specializedToDefaults(in workspace: Workspace) throws(ModelError) -> Graph {
    guard let shapes = defaultShapes else {
      throw ModelError("an input has no declared rank; export the model with one")
    }
    return try specialized(to: shapes, in: workspace)
  }
}
