import Graphs
import Kernels
import Operators
import Rewrites
import Tensors
import Testing

/// What graphs for several numbers of samples have in common.
@Suite struct BatchedGraphTests {
  @Test func extentsAreAffine() throws {
    let rows = try #require(BatchExtent(samples: [2, 3, 5], extents: [2, 3, 5]))
    #expect(rows == .samples)
    let padded = try #require(BatchExtent(samples: [2, 3, 5], extents: [9, 13, 21]))
    #expect((padded.slope, padded.offset) == (4, 1))
    let fixed = try #require(BatchExtent(samples: [2, 3, 5], extents: [7, 7, 7]))
    #expect(fixed.isFixed)
    #expect(BatchExtent(samples: [2, 3, 5], extents: [4, 9, 25]) == nil)
    #expect(BatchExtent(samples: [2, 4, 6], extents: [1, 2, 4]) == nil)
    #expect(BatchExtent(samples: [2, 3], extents: [Int.min, Int.max]) == nil)
  }

  /// A graph of one node for so many samples.
  private func graph(
    _ samples: Int, _ constant: (Int) -> Tensor, _ operation: any Operator
  ) throws -> Graph {
    var builder = GraphBuilder()
    let x = builder.input("x", TensorType(.float32, [samples, 3]))
    let value = builder.constant(constant(samples), name: "c")
    builder.setOutputs(try builder.append(operation, [x, value], attributes: [:]))
    return builder.graph
  }

  private func rule(
    _ constant: (Int) -> Tensor, _ operation: any Operator = Add()
  ) throws -> BatchedGraph.Varying? {
    let instances = try [2, 3, 5].map { ($0, try graph($0, constant, operation)) }
    let batched = try BatchedGraph(unifying: instances)
    return batched.graph.value(named: "c").flatMap { batched.varying[$0] }
  }

  @Test func whatIsTheSameStays() throws {
    #expect(try rule { _ in Tensor([1, 2, 3] as [Float]) } == nil)
  }

  @Test func shapesFollowTheSamples() throws {
    let found = try rule({ Tensor([Int64($0 * 3), 1]) }, Reshape())
    guard case .integers(let extents)? = found else { throw Missing() }
    #expect(extents.map(\.slope) == [3, 0])
    #expect(extents.map(\.offset) == [0, 1])
  }

  @Test func oneNumberEverywhereIsNotStored() throws {
    let found = try rule { Tensor(repeating: 2.5 as Float, shape: [$0, 3]) }
    guard case .filled(let number, let extents)? = found else { throw Missing() }
    #expect(number.elements(as: Float.self) == [2.5])
    #expect(extents == [.samples, .fixed(3)])
  }

  @Test func equalRowsAreStoredOnce() throws {
    let found = try rule { samples in
      Tensor((0..<samples).flatMap { _ in [1, 2, 3] as [Float] }, shape: [samples, 3])
    }
    guard case .repeated(let row, let count)? = found else { throw Missing() }
    #expect(row.shape == [1, 3])
    #expect(count == .samples)
  }

  @Test func otherDifferencesNameTheNode() throws {
    let error = #expect(throws: ModelError.self) {
      try rule { samples in
        Tensor((0..<(samples * 3)).map { Float($0) }, shape: [samples, 3])
      }
    }
    #expect(error?.node?.contains("Add") == true)
    #expect(error?.reason.contains("--batch") == true)
  }

  private struct Missing: Error {}
}
