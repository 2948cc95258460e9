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
    let kept = try x.shape.reduced(along: axes, keepDimensions: true)
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
      case .bool where reduction == .maximum:
        reduce(x, to: kept, from: false, { (x: Bool) in x }, { $0 || $1 }, { $0 })
      case .bool where reduction == .minimum:
        reduce(x, to: kept, from: true, { (x: Bool) in x }, { $0 && $1 }, { $0 })
      case .bool, .float16, .bfloat16: throw Self.undefined(x.elementType)
      }
    return result.reshaped(
      to: try x.shape.reduced(along: axes, keepDimensions: keepDimensions))
  }

  private func reduceReals<E: RealElement>(
    _ reduction: Reduction, _ x: Tensor, to shape: Shape, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    switch reduction {
    case .sum: return reduce(x, to: shape, from: 0, { (x: E) in Double(x) }, +, { E($0) })
    case .mean:
      let count = Double(x.elementCount) / Double(shape.elementCount)
      return reduce(x, to: shape, from: 0, { (x: E) in Double(x) }, +, { E($0 / count) })
    case .product: return reduce(x, to: shape, from: 1, { (x: E) in Double(x) }, *, { E($0) })
    case .maximum:
      return reduce(x, to: shape, from: E.least, { (x: E) in x }, E.maximum, { $0 })
    case .minimum:
      return reduce(x, to: shape, from: E.greatest, { (x: E) in x }, E.minimum, { $0 })
    case .l1:
      return reduce(x, to: shape, from: 0, { (x: E) in Double(x.magnitude) }, +, { E($0) })
    case .l2:
      return reduce(
        x, to: shape, from: 0, { (x: E) in Double(x) * Double(x) }, +, { E($0.squareRoot()) })
    case .sumOfSquares:
      return reduce(x, to: shape, from: 0, { (x: E) in Double(x) * Double(x) }, +, { E($0) })
    case .logOfSum:
      return reduce(
        x, to: shape, from: 0, { (x: E) in Double(x) }, +, { E(Double.log($0)) })
    case .logOfSumOfExponentials:
      let maxima = reduce(
        x, to: shape, from: E.least, { (x: E) in x }, E.maximum, { $0.isFinite ? $0 : 0 })
      let exponentials = try combine(x, maxima) { (x: E, m: E) -> E in E.exp(x - m) }
      let logarithms = try reduceReals(.logOfSum, exponentials, to: shape, E.self)
      return try combine(logarithms, maxima) { (x: E, m: E) -> E in x + m }
    }
  }

  private func reduceIntegers<E: ArithmeticElement & FixedWidthInteger>(
    _ reduction: Reduction, _ x: Tensor, to shape: Shape, _ type: E.Type
  ) throws(KernelError) -> Tensor {
    switch reduction {
    case .sum: return reduce(x, to: shape, from: 0, { (x: E) in x }, &+, { $0 })
    case .mean:
      let count = shape.elementCount == 0 ? 1 : x.elementCount / shape.elementCount
      return reduce(
        x, to: shape, from: 0, { (x: E) in Int64(truncatingIfNeeded: x) }, &+,
        { E(truncatingIfNeeded: count == 0 ? 0 : $0 / Int64(count)) })
    case .product: return reduce(x, to: shape, from: 1, { (x: E) in x }, &*, { $0 })
    case .maximum: return reduce(x, to: shape, from: E.min, { (x: E) in x }, Swift.max, { $0 })
    case .minimum: return reduce(x, to: shape, from: E.max, { (x: E) in x }, Swift.min, { $0 })
    case .l1: return reduce(x, to: shape, from: 0, { (x: E) in E.absolute(x) }, &+, { $0 })
    case .sumOfSquares: return reduce(x, to: shape, from: 0, { (x: E) in x &* x }, &+, { $0 })
    case .l2, .logOfSum, .logOfSumOfExponentials:
      return try reduceReals(reduction, x.converted(to: .float64), to: shape, Double.self)
        .converted(to: E.elementType)
    }
  }

  /// Elements mapped to partial results, these combined per place of `shape`, and the totals
  /// finished.
  @inline(__always)
  private func reduce<E: Element, Partial, R: Element>(
    _ x: Tensor, to shape: Shape, from initial: Partial, _ map: (E) -> Partial,
    _ combine: (Partial, Partial) -> Partial, _ finish: (Partial) -> R
  ) -> Tensor {
    let result = tensor(R.elementType, shape)
    guard shape.elementCount > 0 else { return result }
    let plan = ReductionPlan(x.shape, to: shape)
    x.withElements(as: E.self) { source in
      let target = result.address.bindMemory(to: R.self, capacity: shape.elementCount)
      parallel(plan.groups, grain: max(1, 16384 / max(1, plan.groupSize))) { groups in
        var row = [Partial](repeating: initial, count: plan.rowLength)
        for group in groups {
          for place in row.indices { row[place] = initial }
          plan.forEachRun(of: group) { first, place in
            if plan.reducesRuns {
              var lanes = SIMDLanes(repeating: initial)
              var index = first
              let end = first + plan.runLength
              while index + SIMDLanes<Partial>.count <= end {
                lanes.combine(combine) { map(source[index + $0]) }
                index += SIMDLanes<Partial>.count
              }
              while index < end {
                lanes.first = combine(lanes.first, map(source[index]))
                index += 1
              }
              row[place] = combine(row[place], lanes.total(combine))
            } else {
              for index in 0..<plan.runLength {
                row[place + index] = combine(row[place + index], map(source[first + index]))
              }
            }
          }
          for place in row.indices {
            target[group * plan.rowLength + place] = finish(row[place])
          }
        }
      }
    }
    return result
  }
}

/// Eight partial results side by side, so that additions need not wait for each other.
private struct SIMDLanes<Partial> {
  static var count: Int { 8 }
  var first: Partial
  private var rest: (Partial, Partial, Partial, Partial, Partial, Partial, Partial)

  @inline(__always)
  init(repeating initial: Partial) {
    self.first = initial
    self.rest = (initial, initial, initial, initial, initial, initial, initial)
  }

  @inline(__always)
  mutating func combine(
    _ combine: (Partial, Partial) -> Partial, _ element: (Int) -> Partial
  ) {
    first = combine(first, element(0))
    rest.0 = combine(rest.0, element(1))
    rest.1 = combine(rest.1, element(2))
    rest.2 = combine(rest.2, element(3))
    rest.3 = combine(rest.3, element(4))
    rest.4 = combine(rest.4, element(5))
    rest.5 = combine(rest.5, element(6))
    rest.6 = combine(rest.6, element(7))
  }

  @inline(__always)
  func total(_ combine: (Partial, Partial) -> Partial) -> Partial {
    combine(
      combine(combine(first, rest.0), combine(rest.1, rest.2)),
      combine(combine(rest.3, rest.4), combine(rest.5, rest.6)))
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
  ///
  /// - Throws: if its extents overflow, which those of an empty tensor can.
  package func reduced(along axes: [Int], keepDimensions: Bool) throws(KernelError) -> Shape {
    let extents = indices.compactMap { axis in
      axes.contains(axis) ? (keepDimensions ? 1 : nil) : self[axis]
    }
    guard let shape = Shape(checking: extents) else {
      throw KernelError("\(self) reduced along \(axes) is too large")
    }
    return shape
  }
}
