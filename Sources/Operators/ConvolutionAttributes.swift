import Graphs
import Kernels
import Tensors

/// The attributes of a convolution, and how they meet its operands.
struct ConvolutionAttributes: Sendable {
  let window: WindowAttributes
  let groups: Int

  init(_ attributes: inout Attributes) throws(OperatorError) {
    window = try WindowAttributes(&attributes)
    groups = try attributes.int("group", default: 1)
  }

  /// The attributes that give these back.
  var spelling: [String: AttributeValue] {
    window.spelling.merging(["group": .int(groups)]) { first, _ in first }
  }

  init(_ parameters: ConvolutionParameters) {
    window = WindowAttributes(parameters.window)
    groups = parameters.groups
  }

  /// The parameters for an input N x C x spatial and weights M x C/group x kernel.
  ///
  /// - Throws: if ranks, channels, groups or kernel do not agree.
  func parameters(_ x: Shape, _ weights: Shape) throws(OperatorError) -> ConvolutionParameters {
    try weights.checkAsKernel(for: x, groups: groups, window.kernel)
    guard weights[0].isMultiple(of: groups), weights[0] > 0 else {
      throw OperatorError("\(weights[0]) output channels do not split into \(groups) groups")
    }
    guard x[1].isMultiple(of: groups), x[1] > 0, weights[1] == x[1] / groups else {
      throw OperatorError(
        "weights for \(weights[1]) channels in \(groups) groups, but the input has \(x[1])")
    }
    return ConvolutionParameters(
      window: try window.window(
        kernel: Array(weights.dropFirst(2)), over: Array(x.dropFirst(2))),
      groups: groups)
  }
}

extension Shape {
  /// Refuses weights whose rank, kernel or groups cannot be those of a convolution of `x`.
  func checkAsKernel(for x: Shape, groups: Int, _ kernel: [Int]?) throws(OperatorError) {
    guard 3...5 ~= x.rank else {
      throw OperatorError("a convolution needs 1 to 3 spatial dimensions, the input is \(x)")
    }
    guard rank == x.rank else {
      throw OperatorError("weights \(self) for an input of rank \(x.rank)")
    }
    guard groups > 0 else { throw OperatorError("group \(groups) should be positive") }
    if let kernel, kernel != Array(dropFirst(2)) {
      throw OperatorError("kernel_shape \(kernel) is not that of the weights, \(self)")
    }
  }
}

extension [Operand?] {
  /// Refuses operands that are not all there is to a convolution or product: one floating-point
  /// type that kernels compute in.
  func checkFloatingPoint() throws(OperatorError) {
    let types = compactMap { $0?.elementType }
    guard let first = types.first, first == .float32 || first == .float64 else {
      throw OperatorError("the operands should be float32 or float64")
    }
    guard types.allSatisfy({ $0 == first }) else {
      throw OperatorError("the operands differ in element type")
    }
  }

  /// Refuses a bias that is not a vector of `count` numbers.
  func checkBias(_ index: Int, count: Int) throws(OperatorError) {
    guard let bias = optional(index) else { return }
    guard bias.shape.dimensions == [count] else {
      throw OperatorError("the bias is \(bias.shape), should be a vector of \(count)")
    }
  }
}

extension [HomogeneityOperand?] {
  /// The degree of a product of the first two operands with a bias added to it.
  func affineDegree(bias index: Int) throws(Inhomogeneity) -> Degree {
    let product = [HomogeneityOperand?](prefix(2)).productDegree()
    guard index < count, let bias = self[index] else { return product }
    switch (product, bias.degree) {
    case (_, .zero), (.none, _): return product
    case (.zero, let degree): return degree
    case (let degree, let other) where degree == other: return degree
    case (_, .exactly(0)): throw Inhomogeneity("adds its bias")
    case (let degree, let other): throw Inhomogeneity("combines degrees \(degree) and \(other)")
    }
  }
}

extension ConvolutionParameters {
  /// The attributes that give these parameters back.
  var attributes: [String: AttributeValue] {
    window.attributes.merging(["group": .int(groups)]) { first, _ in first }
  }
}
