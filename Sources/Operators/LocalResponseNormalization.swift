package import Graphs
package import Kernels
package import Tensors

/// Local response normalisation across channels: y = x / s^beta with s = bias + alpha / size * the
/// sum of the squares over the channels from c - floor((size - 1) / 2) to c + ceil((size - 1) / 2).
///
/// Gradient: dx[i] = dy[i] / s[i]^beta - 2 beta alpha / size x[i] sum over the channels c that i
/// counts for of dy[c] x[c] / s[c]^(beta + 1). One meaning since opset 1.
/// <https://onnx.ai/onnx/operators/onnx__LRN.html>
package struct LRN: Operator {
  private let response: LocalResponse

  package static let specification = Specification("LRN", inputs: 1...1)

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    response = try LocalResponse(&attributes)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let x = try inputs.required(0)
    try inputs.checkFloatingPoint()
    guard x.shape.rank >= 2 else {
      throw OperatorError("the input is \(x.shape), should be N x C x spatial")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try workspace.localResponse(try inputs.required(0), response)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [
      try context.append(
        LRNGradient(response), try context.outputGradient(), try context.input(0))
    ]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "divides by a constant plus the squares of its neighbours")
  }
}

/// The gradient of `LRN` with respect to its input, from that of its output and the input.
package struct LRNGradient: Lowerable {
  private let response: LocalResponse

  package static let specification = Specification(internal: "LRNGradient", inputs: 2...2)

  package init(_ response: LocalResponse) { self.response = response }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    response = try LocalResponse(&attributes)
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (dy, x) = (try inputs.required(0), try inputs.required(1))
    try inputs.checkFloatingPoint()
    guard x.shape.rank >= 2, dy.type == x.type else {
      throw OperatorError("the gradient is \(dy.type), the input \(x.type)")
    }
    return [x.type]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.localResponseGradient(
        try inputs.required(0), try inputs.required(1), response)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    throw OperatorError("second derivatives of LRN are not defined")
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "divides by a constant plus the squares of its neighbours")
  }

  /// The sums over neighbouring channels are products with a matrix of ones along its diagonal.
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let (dy, x) = (try context.input(0), try context.input(1))
    let shape = try context.shape(of: x)
    let type = try context.type(of: x).elementType
    func constant(_ numbers: [Double], _ shape: Shape) -> Value {
      context.constant(Tensor(numbers, shape: shape).converted(to: type))
    }
    let channels = shape[1]
    let (down, up) = ((response.size - 1) / 2, response.size / 2)
    var band = [Double](repeating: 0, count: channels * channels)
    for channel in 0..<channels {
      for other in max(0, channel - down)...min(channels - 1, channel + up) {
        band[channel * channels + other] = 1
      }
    }
    let turned = band.indices.map { band[$0 % channels * channels + $0 / channels] }
    let neighbours = constant(band, [channels, channels])
    let counting = constant(turned, [channels, channels])
    let (rows, dyRows) = (
      try context.reshape(x, to: [0, channels, -1]), try context.reshape(dy, to: [0, channels, -1])
    )
    let squares = try context.append(Mul(), rows, rows)
    let sums = try context.append(MatMul(), neighbours, squares)
    let share = try context.append(
      Mul(), sums, context.scalar(response.alpha / Double(response.size), like: x))
    let s = try context.append(Add(), share, context.scalar(response.bias, like: x))
    let power = try context.append(Pow(), s, context.scalar(response.beta, like: x))
    let direct = try context.append(Div(), dyRows, power)
    let back = try context.append(
      MatMul(), counting, context.append(Div(), context.append(Mul(), direct, rows), s))
    let factor = 2 * response.beta * response.alpha / Double(response.size)
    let scaled = try context.append(Mul(), rows, context.scalar(factor, like: x))
    let result = try context.append(Sub(), direct, context.append(Mul(), scaled, back))
    return [try context.reshape(result, to: shape.dimensions)]
  }
}

extension LocalResponse {
  fileprivate init(_ attributes: inout Attributes) throws(OperatorError) {
    guard let size = try attributes.int("size"), 1...Int(Int32.max) ~= size else {
      throw OperatorError("size should be a positive number of channels")
    }
    self.init(
      size: size, alpha: try attributes.float("alpha", default: 1e-4),
      beta: try attributes.float("beta", default: 0.75),
      bias: try attributes.float("bias", default: 1))
  }
}

extension LRN {
  package static let examples = [
    Example(
      "five channels, three at a time",
      attributes: [
        "size": .int(3), "alpha": .float(0.5), "beta": .float(0.6), "bias": .float(2.0),
      ],
      inputs: [Tensor([-3.0, 2, -1, 0, -2, 2, 3, 2, 3, -2], shape: [1, 5, 1, 2])],
      outputs: [
        Tensor(
          [
            -1.375809793089561, 1.11032151746146, -0.4148649467322153, 0, -0.8297298934644306,
            0.9711867496604077, 1.0595578044100114, 0.8705505632961242, 1.1421923632295272,
            -0.9711867496604077,
          ], shape: [1, 5, 1, 2])
      ], differentiable: [0]),
    Example(
      "an even size reaches further up",
      attributes: [
        "size": .int(4), "alpha": .float(1.0), "beta": .float(0.75), "bias": .float(1.0),
      ],
      inputs: [Tensor([-3.0, 2, -1, 0, -2, 2, 3, 2, 3, -2], shape: [1, 5, 1, 2])],
      outputs: [
        Tensor(
          [
            -0.9709835434146468, 0.8773826753016617, -0.23879331818300933, 0, -0.47758663636601867,
            0.7071067811865475, 0.7369469694403247, 0.7071067811865475, 0.835312994620578,
            -0.8773826753016617,
          ], shape: [1, 5, 1, 2])
      ], differentiable: [0]),
    Example(
      "the defaults", attributes: ["size": .int(2)],
      inputs: [Tensor([-3.0, 2, -1, 0], shape: [1, 2, 2])],
      outputs: [
        Tensor([-2.9988754919620195, 1.999700052490377, -0.9999625016405497, 0], shape: [1, 2, 2])
      ], differentiable: [0]),
  ]
}

extension LRNGradient {
  package static let examples = [
    Example(
      "an even size",
      attributes: [
        "size": .int(2), "alpha": .float(1.0), "beta": .float(0.75), "bias": .float(1.0),
      ],
      inputs: [
        Tensor([0.0, -2, 2, 2, -3, 1, -3, 3], shape: [1, 4, 2]),
        Tensor([3.0, -2, -2, 2, 1, 3, 2, 0], shape: [1, 4, 2]),
      ],
      outputs: [
        Tensor(
          [
            0, -0.23925580499539528, 0.1116557061116229, -0.09410363392134308, -0.5861924570860202,
            -0.32806136104300565, 0.502450677502303, 3,
          ], shape: [1, 4, 2])
      ])
  ]
}
