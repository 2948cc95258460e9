package import Graphs
import Kernels
import Tensors

/// Each place of a window gets the part of the way on which its straight line is above all others: from where
/// the last flatter line has been crossed to where the first steeper one is.
///
/// A convolution with one kernel for each place lays the windows out, its transpose puts the gradients back.
extension MeanMaxPoolGradient: Lowerable {
  /// Places of a window whose pairs are compared one by one.
  private static let largestWindow = 49

  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let (dy, x) = (try context.input(0), try context.input(1))
    let (whole, pooled) = (try context.shape(of: x), try context.shape(of: dy))
    let spatial = Array(whole.dropFirst(2))
    let outputs = Array(pooled.dropFirst(2))
    let window = try parameters.window.reaching(outputs, over: spatial)
    let size = window.kernel.reduce(1, *)
    guard size <= Self.largestWindow else {
      throw OperatorError(
        "the mean gradient of a maximum over \(size) places takes too many nodes; \(Self.largestWindow) are "
          + "the most")
    }
    let planes = whole[0] * whole[1]
    let kernels = context.constant(
      Tensor(
        (0..<(size * size)).map { $0 % (size + 1) == 0 ? 1.0 : 0 },
        shape: Shape([size, 1] + window.kernel)
      ).converted(to: try context.type(of: x).elementType))
    let plane = try context.reshape(x, to: [planes, 1] + spatial)
    var start = try context.write(Conv.self, [plane, kernels], window.attributes, outputs: 1)[0]
    if let isInside = window.isInside(outputs, over: spatial) {
      let lowest = try context.scalar(-1e30, like: x)
      start = try context.append(Where(), context.constant(isInside), start, lowest)
    }
    let end = try context.append(NextPoint(count: count), start)
    let shares = try context.envelope(from: start, to: end, size)
    let gradient = try context.reshape(dy, to: [planes, 1] + outputs)
    let sum = try context.append(
      ConvInputGradient(
        ConvolutionParameters(window: window), inputShape: Shape([planes, 1] + spatial)),
      context.append(Mul(), gradient, shares), kernels)
    return [try context.reshape(sum, to: whole.dimensions)]
  }
}

extension LoweringContext {
  /// For each of so many lines along dimension 1 the part of the way on which it is the highest; of equal
  /// lines the first has it.
  ///
  /// A line is above another one from gap / gain on, where that leads it by a gap at the start and it gains on
  /// it, and as much is said of the way back. Where it does not gain, the least number in the place of the
  /// gain says all or nothing, without a comparison.
  fileprivate mutating func envelope(
    from start: Value, to end: Value, _ count: Int
  ) throws(OperatorError) -> Value {
    let (least, zero) = (try scalar(1e-30, like: start), try scalar(0, like: start))
    let negative = try scalar(-1e-30, like: start)
    let type = try type(of: start)
    let later = Shape([1, count] + type.shape.dropFirst(2).map { _ in 1 })
    var (before, behind) = (zero, zero)
    for other in 0..<count {
      let place = integers([other])
      let gap = try append(Sub(), append(Gather(axis: 1), start, place), start)
      let gapBehind = try append(Sub(), append(Gather(axis: 1), end, place), end)
      let gain = try append(Sub(), gap, gapBehind)
      // Less than any rounding, but far more than the least gain.
      let head = Tensor((0..<count).map { $0 > other ? 1e-25 : 0 }, shape: later)
      let lead = try append(Add(), gap, constant(head.converted(to: type.elementType)))
      before = try append(Max(), before, append(Div(), lead, append(Max(), gain, least)))
      behind = try append(Min(), behind, append(Div(), gapBehind, append(Min(), gain, negative)))
    }
    let way = try append(Sub(), append(Add(), behind, scalar(1, like: start)), before)
    return try append(Relu(), way)
  }
}

extension SlidingWindow {
  /// The window with so much padding behind the input that it yields these extents, no more of it than they
  /// need.
  fileprivate func reaching(
    _ output: [Int], over input: [Int]
  ) throws(OperatorError) -> SlidingWindow {
    let ends = input.indices.map { axis in
      max(strides[axis] * (output[axis] - 1) + span[axis] - padsBegin[axis] - input[axis], 0)
    }
    return try SlidingWindow(
      kernel: kernel, strides: strides, dilations: dilations, padsBegin: padsBegin, padsEnd: ends)
  }

  /// For each place of the window and each output whether it lies in the input, 1 x places x outputs; nil if
  /// all do.
  fileprivate func isInside(_ output: [Int], over input: [Int]) -> Tensor? {
    let axes = input.indices.map { axis in
      (0..<kernel[axis]).map { place in
        (0..<output[axis]).map { number in
          let start = number * strides[axis] - padsBegin[axis]
          return (0..<input[axis]).contains(start + place * dilations[axis])
        }
      }
    }
    // Dimension by dimension: the places so far, for each of them the outputs so far.
    var rows: [[Bool]] = [[true]]
    for axis in axes {
      rows = rows.flatMap { row in
        axis.map { inside in row.flatMap { known in inside.map { known && $0 } } }
      }
    }
    guard rows.contains(where: { $0.contains(false) }) else { return nil }
    return Tensor(rows.flatMap { $0 }, shape: Shape([1, rows.count] + output))
  }
}
