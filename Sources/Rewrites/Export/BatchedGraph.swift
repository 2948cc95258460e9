package import Graphs
package import Tensors

/// A graph for any number of samples, learnt from the graphs for a few numbers.
///
/// The graphs have the same nodes; what differs is constants that hold extents, and tensors of one
/// number or of equal rows that are as long as the batch. An extent must be an affine function of the
/// number of samples.
package struct BatchedGraph: Sendable {
  /// A constant that depends on the number of samples.
  package enum Varying: Sendable {
    /// Integers, in the constant's shape.
    case integers([BatchExtent])
    /// One number everywhere, in a tensor of these extents.
    case filled(with: Tensor, extents: [BatchExtent])
    /// Rows that are all this one, so many along the first dimension.
    case repeated(row: Tensor, count: BatchExtent)
  }

  /// The graph for the first of the numbers of samples.
  package let graph: Graph
  /// The constants of `graph` that are none in a file for any number of samples.
  package private(set) var varying: [Value: Varying] = [:]

  /// A graph of one number of samples.
  package init(fixed graph: Graph) { self.graph = graph }

  /// The graph that these are instances of, each for its number of samples.
  ///
  /// - Parameter instances: two that the extents are taken from, and others that confirm them.
  /// - Throws: `ModelError` that names a node which depends on the number of samples in another way.
  package init(unifying instances: [(samples: Int, graph: Graph)]) throws(ModelError) {
    self.graph = instances[0].graph
    for (_, other) in instances.dropFirst() { try graph.requireSameNodes(as: other) }
    let readers = graph.consumers
    for value in graph.values {
      guard let constant = graph.constant(of: value) else { continue }
      var versions: [(samples: Int, tensor: Tensor)] = [(instances[0].samples, constant)]
      for (samples, other) in instances.dropFirst() {
        guard let tensor = other.constant(of: value) else {
          throw ModelError("'\(graph.name(of: value))' is a constant for some batches only")
        }
        versions.append((samples, tensor))
      }
      guard versions.contains(where: { !$0.tensor.isSame(as: constant) }) else { continue }
      guard let rule = Self.rule(of: versions) else {
        let node = readers[value.index].first.map { graph.nodes[$0].label(opset: graph.opset) }
        throw ModelError(
          "it depends on the number of samples in a way that no file can say; fix the number "
            + "with --batch", kind: .usage, node: node)
      }
      varying[value] = rule
    }
  }

  private static func rule(of versions: [(samples: Int, tensor: Tensor)]) -> Varying? {
    let tensors = versions.map(\.tensor)
    let samples = versions.map(\.samples)
    if tensors.allSatisfy({ $0.shape == tensors[0].shape && $0.elementType.isInteger }) {
      let numbers = tensors.map { $0.converted(to: .int64).elements(as: Int64.self).map(Int.init) }
      return extents(samples, numbers).map(Varying.integers)
    }
    guard tensors.allSatisfy({ $0.shape.rank == tensors[0].shape.rank }),
      let extents = extents(samples, tensors.map(\.shape.dimensions))
    else { return nil }
    let firsts = tensors.map { $0.reshaped(to: [$0.elementCount]) }
    guard firsts.allSatisfy({ $0.elementCount > 0 }) else { return nil }
    let number = firsts[0].rows(0..<1)
    if firsts.allSatisfy({ $0.repeats(number) }) { return .filled(with: number, extents: extents) }
    let row = tensors[0].rows(0..<1)
    guard extents.dropFirst().allSatisfy(\.isFixed), tensors.allSatisfy({ $0.repeats(row) }) else {
      return nil
    }
    return .repeated(row: row, count: extents[0])
  }

  /// For each place the affine function that all numbers of samples agree on.
  private static func extents(_ samples: [Int], _ numbers: [[Int]]) -> [BatchExtent]? {
    var extents: [BatchExtent] = []
    for place in numbers[0].indices {
      guard
        let extent = BatchExtent(
          samples: samples, extents: numbers.map { $0[place] })
      else { return nil }
      extents.append(extent)
    }
    return extents
  }
}

/// An extent that is an affine function of the number of samples.
package struct BatchExtent: Hashable, Sendable {
  /// Added per sample.
  package let slope: Int
  /// What there is without samples.
  package let offset: Int

  /// Whether the number of samples changes nothing.
  package var isFixed: Bool { slope == 0 }

  /// One, for any number of samples.
  package static let one = BatchExtent(slope: 0, offset: 1)

  /// An extent that the number of samples does not change.
  package static func fixed(_ extent: Int) -> BatchExtent {
    BatchExtent(slope: 0, offset: extent)
  }

  /// As many as there are samples.
  package static let samples = BatchExtent(slope: 1, offset: 0)

  private init(slope: Int, offset: Int) {
    self.slope = slope
    self.offset = offset
  }

  /// The function that goes through these points, where there is one.
  package init?(samples: [Int], extents: [Int]) {
    guard let first = samples.first, let start = extents.first, samples.count == extents.count
    else { return nil }
    var slope = 0
    if samples.count > 1, samples[1] != first {
      let (rise, overflow) = extents[1].subtractingReportingOverflow(start)
      guard !overflow, rise % (samples[1] - first) == 0 else { return nil }
      slope = rise / (samples[1] - first)
    }
    for (sample, extent) in zip(samples, extents) {
      let (product, overflow) = slope.multipliedReportingOverflow(by: sample - first)
      guard !overflow, start.addingReportingOverflow(product) == (extent, false) else { return nil }
    }
    self.slope = slope
    self.offset = start - slope * first
  }
}

extension Graph {
  /// Refuses a graph that differs in more than the contents of constants.
  fileprivate func requireSameNodes(as other: Graph) throws(ModelError) {
    guard nodes.count == other.nodes.count, inputs == other.inputs, outputs == other.outputs,
      values.count(where: { _ in true }) == other.values.count(where: { _ in true })
    else {
      throw ModelError(
        "other nodes compute larger batches; fix the number of samples with --batch", kind: .usage)
    }
    for (node, twin) in zip(nodes, other.nodes) {
      guard node.operatorName == twin.operatorName, node.inputs == twin.inputs,
        node.outputs == twin.outputs, Self.agree(node.attributes, twin.attributes)
      else {
        throw ModelError(
          "it is another node for larger batches; fix the number of samples with --batch",
          kind: .usage, node: node.label(opset: opset))
      }
    }
  }

  private static func agree(
    _ a: [String: AttributeValue]?, _ b: [String: AttributeValue]?
  ) -> Bool {
    guard let a, let b, a.count == b.count else { return a == nil && b == nil }
    return a.allSatisfy { name, value in b[name].map { value.isSame(as: $0) } ?? false }
  }
}

extension AttributeValue {
  fileprivate func isSame(as other: AttributeValue) -> Bool {
    switch (self, other) {
    case (.int(let a), .int(let b)): a == b
    case (.float(let a), .float(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.tensor(let a), .tensor(let b)): a.isSame(as: b)
    case (.ints(let a), .ints(let b)): a == b
    case (.floats(let a), .floats(let b)): a == b
    case (.strings(let a), .strings(let b)): a == b
    default: false
    }
  }
}

extension Tensor {
  /// Whether type, shape and every bit are another tensor's.
  package func isSame(as other: Tensor) -> Bool {
    guard elementType == other.elementType, shape == other.shape else { return false }
    return address == other.address
      || withBytes { mine in other.withBytes { mine.elementsEqual($0) } }
  }

  /// Whether this tensor is copies of `part`, one behind the other.
  fileprivate func repeats(_ part: Tensor) -> Bool {
    let size = part.byteCount
    guard size > 0, byteCount.isMultiple(of: size) else { return false }
    return withBytes { whole in
      part.withBytes { piece in
        stride(from: 0, to: whole.count, by: size).allSatisfy { start in
          UnsafeRawBufferPointer(rebasing: whole[start..<(start + size)]).elementsEqual(piece)
        }
      }
    }
  }

  private func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    defer { withExtendedLifetime(storage) {} }
    return body(UnsafeRawBufferPointer(start: address, count: byteCount))
  }
}
