package import Graphs
package import Kernels
package import Tensors

/// Y = alpha A' B' + beta C, with A' and B' the matrices or their transposes and C stretched to Y.
///
/// Gradients: dA' = alpha dY B'^T, dB' = alpha A'^T dY, dC = beta dY. Before opset 7 C was stretched
/// only with `broadcast`; opset 11 made it optional.
/// <https://onnx.ai/onnx/operators/onnx__Gemm.html>
package struct Gemm: Spelled {
  package let alpha: Double
  package let beta: Double
  package let transposingA: Bool
  package let transposingB: Bool
  private let stretchesAddend: Bool
  private let leavesOutZeros: Bool

  package static let specification = Specification("Gemm", inputs: 2...3)

  /// - Parameter leavesOutZeros: whether a gradient of zero stays zero whatever it is multiplied by.
  package init(
    alpha: Double = 1, beta: Double = 1, transposingA: Bool = false, transposingB: Bool = false,
    leavesOutZeros: Bool = false
  ) {
    self.alpha = alpha
    self.beta = beta
    self.transposingA = transposingA
    self.transposingB = transposingB
    self.stretchesAddend = true
    self.leavesOutZeros = leavesOutZeros
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    alpha = try attributes.float("alpha", default: 1)
    beta = try attributes.float("beta", default: 1)
    transposingA = try attributes.flag("transA", default: false)
    transposingB = try attributes.flag("transB", default: false)
    stretchesAddend =
      attributes.opset >= 7 ? true : try attributes.flag("broadcast", default: false)
    leavesOutZeros = false
  }

  package var spelling: [String: AttributeValue]? {
    [
      "alpha": .float(alpha), "beta": .float(beta), "transA": .int(transposingA ? 1 : 0),
      "transB": .int(transposingB ? 1 : 0),
    ]
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    try inputs.checkFloatingPoint()
    guard a.shape.rank == 2, b.shape.rank == 2 else {
      throw OperatorError("the factors should be matrices, not \(a.shape) and \(b.shape)")
    }
    let shape = try a.shape.product(
      with: b.shape, transposing: transposingA, transposingOther: transposingB)
    if let addend = inputs.optional(2) {
      let agrees = stretchesAddend ? Shape.broadcast(addend.shape, shape) : addend.shape
      guard agrees == shape else {
        throw OperatorError("C is \(addend.shape), which does not stretch to \(shape)")
      }
    }
    return [TensorType(a.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.product(
        try inputs.required(0), try inputs.required(1), transposingA: transposingA,
        transposingB: transposingB, alpha: alpha, addend: inputs.optional(2), beta: beta,
        leavingOutZeros: leavesOutZeros)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (a, b) = (try context.input(0), try context.input(1))
    let dy = try context.outputGradient()
    func product(
      _ transposingA: Bool, _ transposingB: Bool, leavesOutZeros: Bool = false
    ) -> Gemm {
      Gemm(
        alpha: alpha, transposingA: transposingA, transposingB: transposingB,
        leavesOutZeros: leavesOutZeros)
    }
    var gradients: [Value?] = [nil, nil, nil]
    if context.wants(0) {
      gradients[0] =
        transposingA
        ? try context.append(product(transposingB, true), b, dy)
        : try context.append(product(false, !transposingB, leavesOutZeros: true), dy, b)
    }
    if context.wants(1) {
      gradients[1] =
        transposingB
        ? try context.append(product(true, transposingA), dy, a)
        : try context.append(product(!transposingA, false), a, dy)
    }
    if context.wants(2), beta != 0 {
      gradients[2] =
        beta == 1 ? dy : try context.append(Mul(), dy, try context.scalar(beta, like: dy))
    }
    return gradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    beta == 0 ? Array(inputs.prefix(2)).productDegree() : try inputs.affineDegree(bias: 2)
  }
}

extension Gemm {
  package static let examples = [
    Example(
      "a row is added to every row",
      inputs: [
        Tensor([-2.0, -2, -3, -1, 1, -2], shape: [2, 3]),
        Tensor([-1.0, 2, -1, 2, 1, -1], shape: [3, 2]), Tensor([1.0, 1], shape: [2]),
      ],
      outputs: [Tensor([2.0, -4, -1, 3], shape: [2, 2])], differentiable: [0, 1, 2]),
    Example(
      "factors, a column, both transposed",
      attributes: [
        "alpha": .float(0.5), "beta": .float(2.0), "transA": .int(1), "transB": .int(1),
      ],
      inputs: [
        Tensor([-2.0, -1, -2, 1, -3, -2], shape: [3, 2]),
        Tensor([-1.0, -1, 1, 2, 2, -1], shape: [2, 3]), Tensor([2.0, 3], shape: [2, 1]),
      ],
      outputs: [Tensor([4.5, 1.5, 5, 7], shape: [2, 2])], differentiable: [0, 1, 2]),
    Example(
      "no C", attributes: ["transB": .int(1)],
      inputs: [
        Tensor([-2.0, -2, -3, -1, 1, -2], shape: [2, 3]),
        Tensor([-1.0, -1, 1, 2, 2, -1], shape: [2, 3]),
      ],
      outputs: [Tensor([1.0, -5, -2, 2], shape: [2, 2])], differentiable: [0, 1]),
    Example(
      "C of the size of the product",
      attributes: ["alpha": .float(2.0), "beta": .float(-1.0), "transA": .int(1)],
      inputs: [
        Tensor([-2.0, -1, -2, 1, -3, -2], shape: [3, 2]),
        Tensor([-1.0, 2, -1, 2, 1, -1], shape: [3, 2]), Tensor([0.0, 1, -3, 1], shape: [2, 2]),
      ],
      outputs: [Tensor([2.0, -11, -1, 3], shape: [2, 2])], differentiable: [0, 1, 2]),
    Example(
      "broadcast as an attribute", attributes: ["broadcast": .int(1)], opset: 6,
      inputs: [
        Tensor([-2.0, -2, -3, -1, 1, -2], shape: [2, 3]),
        Tensor([-1.0, 2, -1, 2, 1, -1], shape: [3, 2]), Tensor([-1.0, -2], shape: [2]),
      ],
      outputs: [Tensor([0.0, -7, -3, 0], shape: [2, 2])], differentiable: [0]),
  ]
}
