package import Graphs
package import Kernels
package import Tensors

/// The product of matrices, or of stacks of them that are broadcast like NumPy's `matmul`: a vector
/// on the left is a row, one on the right a column, and its dimension is dropped from the result.
///
/// Gradients: dA = dY B^T, dB = A^T dY. Opset 9 only widened the types.
/// <https://onnx.ai/onnx/operators/onnx__MatMul.html>
package struct MatMul: Spelled {
  package static let specification = Specification("MatMul", inputs: 2...2)

  package init() {}
  package init(_ attributes: inout Attributes) {}

  package var spelling: [String: AttributeValue]? { [:] }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    try inputs.checkFloatingPoint()
    guard a.shape.rank > 0, b.shape.rank > 0 else {
      throw OperatorError("a product of matrices does not take scalars")
    }
    let product = try a.shape.asRow.product(with: b.shape.asColumn)
    return [TensorType(a.elementType, product.dropping(row: a.shape, column: b.shape))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    let product = try workspace.product(
      a.reshaped(to: a.shape.asRow), b.reshaped(to: b.shape.asColumn))
    return [product.reshaped(to: product.shape.dropping(row: a.shape, column: b.shape))]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (a, b) = (try context.inputType(0).shape, try context.inputType(1).shape)
    let product = try a.asRow.product(with: b.asColumn)
    let dy = try context.matrix(try context.outputGradient(), product)
    var gradients: [Value?] = [nil, nil]
    if context.wants(0) {
      let column = try context.matrix(try context.input(1), b.asColumn)
      let da = try context.append(MatrixProduct(transposingB: true), dy, column)
      gradients[0] = a.rank == 1 ? try context.withoutAxis(2, da) : da
    }
    if context.wants(1) {
      let row = try context.matrix(try context.input(0), a.asRow)
      let db = try context.append(MatrixProduct(transposingA: true), row, dy)
      gradients[1] = b.rank == 1 ? try context.withoutAxis(1, db) : db
    }
    return gradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.productDegree()
  }
}

extension GradientContext {
  /// A value under the shape that has the dimension of 1 of a vector's matrix in it.
  fileprivate mutating func matrix(_ value: Value, _ shape: Shape) throws(OperatorError) -> Value {
    try type(of: value).shape == shape ? value : reshape(value, to: shape)
  }

  /// A stack of vectors from matrices whose dimension `back` from the end is 1.
  fileprivate mutating func withoutAxis(
    _ back: Int, _ value: Value
  ) throws(OperatorError) -> Value {
    var dimensions = try type(of: value).shape.dimensions
    dimensions.remove(at: dimensions.count - back)
    return try reshape(value, to: Shape(dimensions))
  }
}

extension Shape {
  /// A vector as a matrix of one row; itself otherwise.
  fileprivate var asRow: Shape { rank == 1 ? Shape([1, self[0]]) : self }

  /// A vector as a matrix of one column; itself otherwise.
  fileprivate var asColumn: Shape { rank == 1 ? Shape([self[0], 1]) : self }

  /// The shape of a product without the dimension that a vector among its factors brought in.
  fileprivate func dropping(row a: Shape, column b: Shape) -> Shape {
    var dimensions = dimensions
    if b.rank == 1 { dimensions.removeLast() }
    if a.rank == 1 { dimensions.remove(at: dimensions.count - (b.rank == 1 ? 1 : 2)) }
    return Shape(dimensions)
  }

  /// The shape of the product of stacks of matrices, either of them transposed first.
  func product(
    with other: Shape, transposing: Bool = false, transposingOther: Bool = false
  ) throws(OperatorError) -> Shape {
    guard rank >= 2, other.rank >= 2 else {
      throw OperatorError("the factors should be matrices, not \(self) and \(other)")
    }
    let (height, inner) =
      transposing ? (self[rank - 1], self[rank - 2]) : (self[rank - 2], self[rank - 1])
    let (rows, columns) = (other[other.rank - 2], other[other.rank - 1])
    let (outer, width) = transposingOther ? (columns, rows) : (rows, columns)
    guard inner == outer else {
      throw OperatorError("a product of \(inner) columns by \(outer) rows")
    }
    guard
      let stack = Shape.broadcast(Shape(Array(dropLast(2))), Shape(Array(other.dropLast(2)))),
      let shape = Shape(checking: stack.dimensions + [height, width])
    else { throw OperatorError("stacks of matrices \(self) and \(other) do not agree") }
    return shape
  }
}

/// A product of stacks of matrices, either of them transposed first: what gradients of products are
/// made of.
package struct MatrixProduct: Lowerable {
  private let transposingA: Bool
  private let transposingB: Bool

  package static let specification = Specification(internal: "MatrixProduct", inputs: 2...2)

  package init(transposingA: Bool = false, transposingB: Bool = false) {
    self.transposingA = transposingA
    self.transposingB = transposingB
  }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    self.init(
      transposingA: try attributes.flag("transA", default: false),
      transposingB: try attributes.flag("transB", default: false))
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let (a, b) = (try inputs.required(0), try inputs.required(1))
    try inputs.checkFloatingPoint()
    let shape = try a.shape.product(
      with: b.shape, transposing: transposingA, transposingOther: transposingB)
    return [TensorType(a.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [
      try workspace.product(
        try inputs.required(0), try inputs.required(1), transposingA: transposingA,
        transposingB: transposingB)
    ]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (a, b) = (try context.input(0), try context.input(1))
    let dy = try context.outputGradient()
    var gradients: [Value?] = [nil, nil]
    if context.wants(0) {
      gradients[0] =
        transposingA
        ? try context.append(
          MatrixProduct(transposingA: transposingB, transposingB: true), b, dy)
        : try context.append(MatrixProduct(transposingB: !transposingB), dy, b)
    }
    if context.wants(1) {
      gradients[1] =
        transposingB
        ? try context.append(
          MatrixProduct(transposingA: true, transposingB: transposingA), dy, a)
        : try context.append(MatrixProduct(transposingA: !transposingA), a, dy)
    }
    return gradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.productDegree()
  }

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let (a, b) = (try context.input(0), try context.input(1))
    let (rankA, rankB) = (try context.shape(of: a).rank, try context.shape(of: b).rank)
    if rankA == 2, rankB == 2 {
      let product = Gemm(transposingA: transposingA, transposingB: transposingB)
      return [try context.append(product, a, b)]
    }
    func turned(_ value: Value, _ rank: Int) throws(OperatorError) -> Value {
      var order = Array(0..<rank)
      order.swapAt(rank - 2, rank - 1)
      return try context.append(Transpose(permutation: order), value)
    }
    return [
      try context.append(
        MatMul(), transposingA ? turned(a, rankA) : a, transposingB ? turned(b, rankB) : b)
    ]
  }
}

extension MatMul {
  package static let examples = [
    Example(
      "matrices",
      inputs: [
        Tensor([3.0, 2, -1, 1, 2, 0], shape: [2, 3]),
        Tensor([3.0, -1, -1, 0, -3, -2], shape: [3, 2]),
      ],
      outputs: [Tensor([10.0, -1, 1, -1], shape: [2, 2])], differentiable: [0, 1]),
    Example(
      "stacks that are broadcast",
      inputs: [
        Tensor([1.0, 0, -3, -1, 0, -1, 0, 1], shape: [2, 1, 2, 2]),
        Tensor([0.0, 0, 2, 1], shape: [2, 2, 1]),
      ],
      outputs: [Tensor([0.0, 0, 2, -7, 0, 0, -1, 1], shape: [2, 2, 2, 1])], differentiable: [0, 1]),
    Example(
      "a stack by one matrix",
      inputs: [
        Tensor([0.0, 2, 3, 1, 1, -3, 0, -1], shape: [2, 2, 2]),
        Tensor([-2.0, 0, 0, -2, 0, 1], shape: [2, 3]),
      ],
      outputs: [Tensor([-4.0, 0, 2, -8, 0, 1, 4, 0, -3, 2, 0, -1], shape: [2, 2, 3])],
      differentiable: [0, 1]),
    Example(
      "a vector on the left is a row",
      inputs: [
        Tensor([2.0, -1, -2], shape: [3]),
        Tensor([0.0, 3, 1, 0, 1, -3, -1, -2, 0, -1, -2, 3], shape: [2, 3, 2]),
      ],
      outputs: [Tensor([-3.0, 12, 2, -9], shape: [2, 2])], differentiable: [0, 1]),
    Example(
      "a vector on the right is a column",
      inputs: [Tensor([3.0, -2, 3, 2, 3, 3], shape: [2, 3]), Tensor([3.0, 3, 2], shape: [3])],
      outputs: [Tensor([9.0, 21], shape: [2])], differentiable: [0, 1]),
    Example(
      "two vectors",
      inputs: [Tensor([-2.0, -2, 3], shape: [3]), Tensor([1.0, 1, 3], shape: [3])],
      outputs: [Tensor([5.0], shape: [])], differentiable: [0, 1]),
  ]
}

extension MatrixProduct {
  package static let examples = [
    Example(
      "A B", attributes: ["transA": .int(0), "transB": .int(0)],
      inputs: [
        Tensor([2.0, -2, -1, 0, 1, -2, -3, 0, 1, -1, 1, 3], shape: [2, 2, 3]),
        Tensor([0.0, -1, 0, -2, 2, -1], shape: [2, 3, 1]),
      ],
      outputs: [Tensor([2.0, -1, 5, 1], shape: [2, 2, 1])], differentiable: [0, 1]),
    Example(
      "A B'", attributes: ["transA": .int(0), "transB": .int(1)],
      inputs: [
        Tensor([3.0, 1, -3, -3, 2, 0, 1, 0, -2, 2, 0, 2], shape: [2, 2, 3]),
        Tensor([-2.0, -1, -3, -1, 2, -2], shape: [2, 1, 3]),
      ],
      outputs: [Tensor([2.0, 4, 3, -6], shape: [2, 2, 1])], differentiable: [0, 1]),
    Example(
      "A' B", attributes: ["transA": .int(1), "transB": .int(0)],
      inputs: [
        Tensor([3.0, 2, 0, 3, -3, 1, -1, 1, -2, 2, -2, -2], shape: [2, 3, 2]),
        Tensor([1.0, -2, 1, 0, 1, 0], shape: [2, 3, 1]),
      ],
      outputs: [Tensor([0.0, -3, -2, 2], shape: [2, 2, 1])], differentiable: [0, 1]),
    Example(
      "A' B'", attributes: ["transA": .int(1), "transB": .int(1)],
      inputs: [
        Tensor([-2.0, 3, -2, 1, -1, -1, -3, 0, -1, 0, 3, -1], shape: [2, 3, 2]),
        Tensor([0.0, 0, 2, -1, 3, 2], shape: [2, 1, 3]),
      ],
      outputs: [Tensor([-2.0, -2, 6, -2], shape: [2, 2, 1])], differentiable: [0, 1]),
  ]
}
