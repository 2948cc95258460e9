package import Tensors

/// How the elements along some axes become one.
package enum Reduction: Hashable, Sendable {
  case sum, mean, maximum, minimum, product
  /// The sum of magnitudes, the root of the sum of squares, and that sum.
  case l1, l2, sumOfSquares
  case logOfSum, logOfSumOfExponentials
}

extension Workspace {
  /// `x` reduced along `axes`, each of which keeps an extent of 1 if `keepDimensions` is set.
  ///
  /// Floating-point sums and products accumulate in float64, integer ones modulo 2^n.
  ///
  /// - Parameter axes: distinct, none negative, all below the rank. None: every element is reduced
  ///   alone.
  /// - Throws: if the reduction is not defined for the element type.
  package func reduce(
    _ reduction: Reduction, _ x: Tensor, axes: [Int], keepDimensions: Bool
  ) throws(KernelError) -> Tensor {
    let kept = x.shape.reduced(along: axes, keepDimensions: true)
    let x = rowMajor(x)
    let result =
      switch x.elementType {
      case .float32: try reduceReals(reduction, x, to: kept, Float.self)
      case .float64: try reduceReals(reduction, x, to: kept, Double.self)
      case .int8: try reduceIntegers(reduction, x, to: kept, Int8.self)
      case .int16: try reduceIntegers(reduction, x, to: kept, Int16.self)
      case .int32: try reduceIntegers(reduction, x, to: kept, Int32.self)
      case .int64: try reduceIntegers(reduction, x, to: kept, Int64.self)
      case .uint8: try reduceIntegers(reduction, x, to: kept, UInt8.self)
      case .uint16: try reduceIntegers(reduction, x, to: kept, UInt16.self)
      case .uint32: try reduceIntegers(reduction, x, to: kept, UInt32.self)
      case .uint64: try reduceIntegers(reduction, x, to: kept, UInt64.self)
      case .bool where reduction == .maximum: reduceBooleans(x, to: kept, any: true)
      case .bool where reduction == .minimum: reduceBooleans(x, to: kept, any: false)
      case .bool, .float16, .bfloat16: throw Self.undefined(x.elementType)
      }
    return result.reshaped(
      to: x.shape.reduced(along: axes, keepDimensions: keepDimensions))
  }

  private func reduceReals<E: RealElement>(
    _ reduction: Reduction, _ x: Tensor, to shape: Shape, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    if reduction == .logOfSumOfExponentials {
      return try logOfSumOfExponentials(x, to: shape, type)
    }
    let count = Double(x.elementCount) / Double(shape.elementCount)
    return reduce(x, to: shape) { (plan, groups, source: UnsafePointer<E>, target) in
      switch reduction {
      case .sum: plan.run(groups, source, target, from: 0, { Double($0) }, +, { E($0) })
      case .mean: plan.run(groups, source, target, from: 0, { Double($0) }, +, { E($0 / count) })
      case .product: plan.run(groups, source, target, from: 1, { Double($0) }, *, { E($0) })
      case .maximum:
        plan.run(groups, source, target, from: E.least, { $0 }, { E.larger($0, $1) }, { $0 })
      case .minimum:
        plan.run(groups, source, target, from: E.greatest, { $0 }, { E.smaller($0, $1) }, { $0 })
      case .l1: plan.run(groups, source, target, from: 0, { Double($0.magnitude) }, +, { E($0) })
      case .l2:
        plan.run(
          groups, source, target, from: 0, { Double($0) * Double($0) }, +, { E($0.squareRoot()) })
      case .sumOfSquares:
        plan.run(groups, source, target, from: 0, { Double($0) * Double($0) }, +, { E($0) })
      case .logOfSum, .logOfSumOfExponentials:
        plan.run(groups, source, target, from: 0, { Double($0) }, +, { E(Double.log($0)) })
      }
    }
  }

  /// m + log(sum of exp(x - m)) with the maxima m, or 0 where these are infinite.
  private func logOfSumOfExponentials<E: RealElement>(
    _ x: Tensor, to shape: Shape, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    let maxima = map(try reduceReals(.maximum, x, to: shape, type)) { (span: Span<E>, x) in
      span.fill(x) { $0.isFinite ? $0 : 0 }
    }
    let exponentials = try combine(x, maxima) { (span: Span<E>, x, maximum) in
      span.fill(x, maximum) { E.exp($0 - $1) }
    }
    return try apply(.add, try reduceReals(.logOfSum, exponentials, to: shape, type), maxima)
  }

  private func reduceIntegers<E: ArithmeticElement & FixedWidthInteger>(
    _ reduction: Reduction, _ x: Tensor, to shape: Shape, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    switch reduction {
    case .l2, .logOfSum, .logOfSumOfExponentials:
      return try reduceReals(reduction, x.converted(to: .float64), to: shape, Double.self)
        .converted(to: E.elementType)
    default: break
    }
    let count = Int64(shape.elementCount == 0 ? 0 : x.elementCount / shape.elementCount)
    return reduce(x, to: shape) { (plan, groups, source: UnsafePointer<E>, target) in
      switch reduction {
      case .mean:
        plan.run(
          groups, source, target, from: 0, { Int64(truncatingIfNeeded: $0) }, &+,
          { E(truncatingIfNeeded: Int64.divide($0, count)) })
      case .product: plan.run(groups, source, target, from: 1, { $0 }, &*, { $0 })
      case .maximum:
        plan.run(groups, source, target, from: E.min, { $0 }, { E.larger($0, $1) }, { $0 })
      case .minimum:
        plan.run(groups, source, target, from: E.max, { $0 }, { E.smaller($0, $1) }, { $0 })
      case .l1: plan.run(groups, source, target, from: 0, { E.absolute($0) }, &+, { $0 })
      case .sumOfSquares: plan.run(groups, source, target, from: 0, { $0 &* $0 }, &+, { $0 })
      default: plan.run(groups, source, target, from: 0, { $0 }, &+, { $0 })
      }
    }
  }

  private func reduceBooleans(_ x: Tensor, to shape: Shape, any: Bool) -> Tensor {
    reduce(x, to: shape) { (plan, groups, source: UnsafePointer<Bool>, target) in
      plan.run(
        groups, source, target, from: !any, { $0 }, { any ? $0 || $1 : $0 && $1 }, { $0 })
    }
  }

  /// Cuts a reduction into groups of results for all threads; `loop` computes those of a range.
  private func reduce<E: Element>(
    _ x: Tensor, to shape: Shape,
    _ loop: (ReductionPlan, Range<Int>, UnsafePointer<E>, UnsafeMutablePointer<E>) -> Void
  ) -> Tensor {
    let result = tensor(E.elementType, shape)
    guard shape.elementCount > 0 else { return result }
    let plan = ReductionPlan(x.shape, to: shape)
    let grain = max(1, 16384 / max(1, plan.groupSize))
    x.withElements(as: E.self) { source in
      let target = result.address.bindMemory(to: E.self, capacity: shape.elementCount)
      let first = source.baseAddress ?? UnsafePointer(target)
      parallel(plan.groups, grain: grain) { groups in loop(plan, groups, first, target) }
    }
    return result
  }
}

/// How a row-major tensor is read to be reduced: groups of results, one after the other, each from
/// the runs of elements that contribute to it.
private struct ReductionPlan {
  /// Independent parts of the result, each `rowLength` long.
  private(set) var groups = 1
  /// Results of one group.
  private(set) var rowLength = 1
  /// Elements of a run; it becomes one result or is as many.
  private(set) var runLength = 1
  /// Whether a run becomes one result.
  private(set) var reducesRuns = false
  /// Elements that one group reads.
  private(set) var groupSize = 1
  /// The merged dimensions between group and run, outermost first: extent, and what a step moves
  /// among the elements and among the results of the group.
  private var dimensions: [(extent: Int, source: Int, target: Int)] = []

  init(_ source: Shape, to target: Shape) {
    let step = target.stretchedStrides(to: source)
    var merged: [(extent: Int, isKept: Bool)] = []
    for axis in source.indices where source[axis] != 1 {
      let isKept = step[axis] != 0
      if let last = merged.last, last.isKept == isKept {
        merged[merged.count - 1].extent *= source[axis]
      } else {
        merged.append((source[axis], isKept))
      }
    }
    if let outer = merged.first, outer.isKept, merged.count > 1 {
      groups = outer.extent
      merged.removeFirst()
    }
    if let inner = merged.popLast() {
      runLength = inner.extent
      reducesRuns = !inner.isKept
      rowLength = inner.isKept ? inner.extent : 1
    }
    var sourceStep = runLength
    for dimension in merged.reversed() {
      dimensions.insert((dimension.extent, sourceStep, dimension.isKept ? rowLength : 0), at: 0)
      sourceStep *= dimension.extent
      if dimension.isKept { rowLength *= dimension.extent }
    }
    groupSize = sourceStep
  }

  /// Computes the results of some groups: elements mapped to partial results, these combined, and
  /// the totals finished.
  @inline(__always)
  func run<E: Element, Partial>(
    _ groups: Range<Int>, _ source: UnsafePointer<E>, _ target: UnsafeMutablePointer<E>,
    from initial: Partial, _ map: (E) -> Partial, _ combine: (Partial, Partial) -> Partial,
    _ finish: (Partial) -> E
  ) {
    withUnsafeTemporaryAllocation(of: Partial.self, capacity: rowLength) { row in
      row.initialize(repeating: initial)
      for group in groups {
        for place in 0..<rowLength { row[place] = initial }
        forEachRun(of: group) { first, place in
          if reducesRuns {
            let total = Self.total(source + first, runLength, from: initial, map, combine)
            row[place] = combine(row[place], total)
          } else {
            for index in 0..<runLength {
              row[place + index] = combine(row[place + index], map(source[first + index]))
            }
          }
        }
        for place in 0..<rowLength { target[group * rowLength + place] = finish(row[place]) }
      }
      row.deinitialize()
    }
  }

  /// The total of consecutive elements, in four strands so that additions need not wait for each
  /// other.
  @inline(__always)
  private static func total<E: Element, Partial>(
    _ source: UnsafePointer<E>, _ count: Int, from initial: Partial, _ map: (E) -> Partial,
    _ combine: (Partial, Partial) -> Partial
  ) -> Partial {
    var (a, b, c, d) = (initial, initial, initial, initial)
    var index = 0
    while index + 4 <= count {
      a = combine(a, map(source[index]))
      b = combine(b, map(source[index + 1]))
      c = combine(c, map(source[index + 2]))
      d = combine(d, map(source[index + 3]))
      index += 4
    }
    while index < count {
      a = combine(a, map(source[index]))
      index += 1
    }
    return combine(combine(a, b), combine(c, d))
  }

  /// Calls `body` with the first element of each run of a group and its place in the group's row.
  @inline(__always)
  func forEachRun(of group: Int, _ body: (Int, Int) -> Void) {
    guard groupSize > 0 else { return }
    var index = [Int](repeating: 0, count: dimensions.count)
    var (source, target) = (group * groupSize, 0)
    while true {
      body(source, target)
      var axis = dimensions.count - 1
      while axis >= 0 {
        index[axis] += 1
        source += dimensions[axis].source
        target += dimensions[axis].target
        if index[axis] < dimensions[axis].extent { break }
        source -= dimensions[axis].source * index[axis]
        target -= dimensions[axis].target * index[axis]
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

extension Shape {
  /// The shape after a reduction along `axes`, which are distinct and below the rank.
  package func reduced(along axes: [Int], keepDimensions: Bool) -> Shape {
    Shape(
      indices.compactMap { axis in
        axes.contains(axis) ? (keepDimensions ? 1 : nil) : self[axis]
      })
  }
}
