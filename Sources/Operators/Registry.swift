package import Graphs

/// Every operator that the program knows, and how the importer finds one.
package enum Registry {
  /// All operators: those of ONNX, and those of the domain `ascribe` that only gradients contain.
  package static let operators: [any Operator.Type] =
    gradients + convolutionsAndProducts + elementwiseAndReductions + shapesAndMovement

  private static let gradients: [any Operator.Type] = [
    Accumulate.self, SumToShape.self, StretchToShape.self,
  ]

  private static let convolutionsAndProducts: [any Operator.Type] = []

  private static let elementwiseAndReductions: [any Operator.Type] = []

  private static let shapesAndMovement: [any Operator.Type] = [
    Reshape.self, Flatten.self, Squeeze.self, Unsqueeze.self, Transpose.self, Concat.self,
    Split.self, Slice.self, SliceGradient.self, Gather.self, GatherGradient.self,
    GatherElements.self, GatherND.self, GatherNDGradient.self, ScatterElements.self,
    Scatter.self, ScatterND.self, Pad.self, PadGradient.self, Expand.self, Tile.self,
    ShapeQuery.self, SizeQuery.self, Constant.self, ConstantOfShape.self, NumberRange.self,
  ]

  /// The operator with this name that a model of this opset means, or nil if there is none.
  package static func operation(
    named name: String, domain: String, opset: Int
  ) -> (any Operator.Type)? {
    byName["\(domain):\(name)"]?.first { $0.specification.opsets.contains(opset) }
  }

  private static let byName = Dictionary(grouping: operators) { type in
    "\(type.specification.domain):\(type.specification.name)"
  }
}
