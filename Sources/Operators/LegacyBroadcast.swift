package import Graphs
package import Kernels
package import Tensors

/// How an operator of opset 1 to 6 lines up the dimensions of its second operand.
package enum LegacyAlignment: Sendable {
  /// Both shapes are equal.
  case none
  /// With the last dimensions of the first operand.
  case trailing
  /// With the dimensions of the first operand from this one on; negative ones count from the end.
  case axis(Int)

  /// The shape that stretches to `target` in place of `shape`.
  fileprivate func align(_ shape: Shape, to target: Shape) throws(OperatorError) -> Shape {
    let aligned: Shape
    switch self {
    case .none:
      guard shape == target else {
        throw OperatorError("\(shape) differs from \(target), and broadcast is not set")
      }
      aligned = shape
    case .axis(let axis) where shape.elementCount != 1:
      let first = axis < 0 ? axis + target.rank : axis
      guard first >= 0, first <= target.rank - shape.rank else {
        throw OperatorError("\(shape) does not fit \(target) from dimension \(axis) on")
      }
      let behind = target.rank - first - shape.rank
      aligned = Shape(shape.dimensions + [Int](repeating: 1, count: behind))
    case .trailing, .axis:
      aligned = shape.elementCount == 1 ? [] : shape
    }
    guard Shape.broadcast(target, aligned) == target else {
      throw OperatorError("\(shape) does not stretch to \(target)")
    }
    return aligned
  }
}

/// An elementwise operator as opsets 1 to 6 knew it: only the second operand is stretched, and only
/// where the attribute `broadcast` says so, from dimension `axis` on.
///
/// Formula and gradients are those of `Base`, after the second operand has been reshaped.
package struct LegacyBroadcast<Base: ElementwiseBinary>: Operator {
  private let base = Base()
  private let alignment: LegacyAlignment

  package static var specification: Specification {
    Specification(Base.specification.name, opsets: 1...6, inputs: 2...2)
  }

  /// The first example of `Base`, whose operands are vectors, with a dimension added behind that of
  /// the first operand: the second one must not line up with it.
  package static var examples: [Example] {
    Base.examples.prefix(1).map { example in
      let axis = Base.legacyAlignment == nil ? 0 : 1
      let picture: (Tensor) -> Tensor = {
        $0.reshaped(to: axis == 0 ? [$0.elementCount, 1] : [1, $0.elementCount, 1])
      }
      return Example(
        "opset 6, from dimension \(axis) on",
        attributes: axis == 0 ? ["broadcast": .int(1), "axis": .int(0)] : [:], opset: 6,
        inputs: example.inputs.prefix(1).map { $0.map(picture) } + example.inputs.dropFirst(),
        outputs: example.outputs.map(picture), differentiable: example.differentiable)
    }
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    attributes.ignoreLegacyHints()
    if let alignment = Base.legacyAlignment {
      self.alignment = alignment
      return
    }
    let broadcasts = try attributes.flag("broadcast", default: false)
    let axis = try attributes.int("axis")
    self.alignment = broadcasts ? axis.map(LegacyAlignment.axis) ?? .trailing : .none
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    let shape = try alignment.align(b.shape, to: a.shape)
    return try base.infer([a, Operand(TensorType(b.elementType, shape))])
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    let shape = try alignment.align(b.shape, to: a.shape)
    return [try base.compute(a, b.reshaped(to: shape), in: workspace)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (a, b) = (try context.input(0), try context.input(1))
    let original = try context.type(of: b).shape
    let shape = try alignment.align(original, to: try context.type(of: a).shape)
    let stretchable = Formula(b).reshaped(to: shape)
    let dy = try context.outputGradient()
    let rules = base.gradients(
      Formula(a), stretchable, Formula(context.output()), Formula(dy))
    let gradientOfB = rules.b.map { $0.summed(to: shape).reshaped(to: original) }
    return [
      try context.appendIfWanted(rules.a, 0, dy), try context.appendIfWanted(gradientOfB, 1, dy),
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try base.homogeneity(inputs)
  }
}
