import Graphs
import Kernels
import Operators
import Tensors

/// The weights of a layer as matrices, one for each group: outputs of the group x numbers of a patch.
struct LayerWeights {
  let groups: Int
  /// Outputs of each group.
  let outputs: Int
  /// Numbers in a patch.
  let length: Int

  private let stored: Tensor
  /// The stored weights in float32 or float64.
  private let source: Tensor
  private let byInputs: Bool
  private let alpha: Double
  private let factors: [Double]?

  /// The weights `stored` of a layer of this form.
  init(_ stored: Tensor, _ form: LinearLayer.Form) {
    self.stored = stored
    source = stored.elementType == .float64 ? stored : stored.converted(to: .float32)
    let shape = stored.shape
    switch form {
    case .convolution(let convolution):
      groups = convolution.groups
      outputs = shape[0] / groups
      length = shape.elementCount / shape[0]
      (byInputs, alpha, factors) = (false, 1, nil)
    case .product(_, let byInputs, let alpha):
      groups = 1
      (outputs, length) = byInputs ? (shape[1], shape[0]) : (shape[0], shape[1])
      (self.byInputs, self.alpha, factors) = (byInputs, alpha, nil)
    case .channels(let factors):
      (groups, outputs, length) = (shape.elementCount, 1, 1)
      (byInputs, alpha, self.factors) = (false, 1, factors)
    }
  }

  /// These rows of the matrix of a group.
  func rows(_ range: Range<Int>, group: Int) throws(KernelError) -> Matrix {
    var matrix = try Matrix(rows: range.count, columns: length)
    if source.elementType == .float64 {
      copy(range, group, to: &matrix, Double.self)
    } else {
      copy(range, group, to: &matrix, Float.self)
    }
    return matrix
  }

  private func copy<E: NumericElement & BinaryFloatingPoint>(
    _ range: Range<Int>, _ group: Int, to matrix: inout Matrix, _ type: E.Type
  ) {
    source.withElements(as: E.self) { source in
      matrix.elements.withUnsafeMutableBufferPointer { target in
        for (place, row) in range.enumerated() {
          let output = group * outputs + row
          let (first, step, factor) = (start(of: output), self.step, factor(of: output))
          for column in 0..<length {
            target[place * length + column] = Double(source[first + column * step]) * factor
          }
        }
      }
    }
  }

  /// Weights of the stored shape and element type to which `correction` has been added: it gives the
  /// rows `range` of what is added to the matrix of a group. nil if they are beyond that type.
  func adding(
    _ correction: (_ group: Int, _ range: Range<Int>) throws(KernelError) -> Matrix
  ) throws(KernelError) -> Tensor? {
    let sum =
      source.elementType == .float64
      ? try adding(correction, Double.self) : try adding(correction, Float.self)
    return sum?.converted(to: stored.elementType)
  }

  private func adding<E: NumericElement & BinaryFloatingPoint>(
    _ correction: (_ group: Int, _ range: Range<Int>) throws(KernelError) -> Matrix,
    _ type: E.Type
  ) throws(KernelError) -> Tensor? {
    var elements = [E](repeating: 0, count: source.elementCount)
    let limit = stored.elementType.largestNumber
    for group in 0..<groups {
      for range in Self.blocks(of: outputs) {
        let (rows, correction) = (try rows(range, group: group), try correction(group, range))
        for (place, row) in range.enumerated() {
          let output = group * outputs + row
          let (first, step, factor) = (start(of: output), self.step, factor(of: output))
          for column in 0..<length {
            let index = place * length + column
            let sum = (rows.elements[index] + correction.elements[index]) / factor
            guard abs(sum) <= limit else { return nil }
            elements[first + column * step] = E(sum)
          }
        }
      }
    }
    return Tensor(elements, shape: stored.shape)
  }

  /// Ranges that cover `0..<count`, short enough for a few rows of long patches to fit memory.
  static func blocks(of count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: 256).map { $0..<min($0 + 256, count) }
  }

  /// Where the first weight of an output lies, and how far from each other its weights do.
  private func start(of output: Int) -> Int { byInputs ? output : output * length }
  private var step: Int { byInputs ? outputs : 1 }

  private func factor(of output: Int) -> Double { factors?[output] ?? alpha }
}

extension LinearLayer {
  /// The patches of the layer's input.
  func patches(of input: Tensor, weights: Shape) throws(KernelError) -> Patches {
    switch form {
    case .convolution(let convolution):
      return try Patches(
        of: input, try convolution.parameters(input: input.shape, weights: weights))
    case .product(let transposingInput, let byInputs, _):
      let length = byInputs ? weights[0] : weights[1]
      if transposingInput { return try input.columns(by: length) }
      return try input.rows(of: length)
    case .channels(let factors): return try input.channels(groups: factors.count)
    }
  }

  /// The numbers that belong to the patches of `input` in a value of the shape of the layer's output.
  func targets(in output: Tensor, _ weights: LayerWeights) throws(KernelError) -> Patches {
    if case .product = form { return try output.rows(of: weights.outputs) }
    return try output.channels(groups: weights.groups)
  }
}

extension ElementType {
  /// The largest finite number of a floating-point type.
  fileprivate var largestNumber: Double {
    switch self {
    case .float16: Double(Float16.greatestFiniteMagnitude)
    case .bfloat16: Double(Float(bitPattern: 0x7F7F_0000))
    case .float64: .greatestFiniteMagnitude
    default: Double(Float.greatestFiniteMagnitude)
    }
  }
}

extension Tensor {
  /// The rows of a matrix, or of a stack of them, as patches.
  fileprivate func rows(of length: Int) throws(KernelError) -> Patches {
    guard let last = shape.last, last == length, last > 0 else {
      throw KernelError("\(self) has no rows of \(length)")
    }
    return try reshaped(to: [elementCount / last, last, 1]).channels(groups: 1)
  }

  /// The columns of a matrix as patches.
  fileprivate func columns(by length: Int) throws(KernelError) -> Patches {
    guard shape.rank == 2, shape[0] == length else {
      throw KernelError("\(self) has no columns of \(length)")
    }
    return try reshaped(to: [1, shape[0], shape[1]]).channels(groups: 1)
  }

  /// The channels at each place of each picture as patches.
  fileprivate func channels(groups: Int) throws(KernelError) -> Patches {
    guard shape.rank >= 2 else { throw KernelError("\(self) has no channels") }
    let places = shape.dropFirst(2).reduce(1, *)
    let window = try SlidingWindow(kernel: [1])
    return try Patches(
      of: reshaped(to: [shape[0], shape[1], places]),
      ConvolutionParameters(window: window, groups: groups))
  }
}
