import Kernels
import Tensors
import Testing

@Suite struct PatchesTests {
  /// Weights times patches are the convolution, in both precisions.
  @Test(arguments: ConvolutionCase.all, [ElementType.float32, .float64])
  func weightsTimesPatchesAreTheConvolution(test: ConvolutionCase, type: ElementType) throws {
    var generator = SplitMix64(seed: 1)
    let (x, weights) = (generator.tensor(test.input), generator.tensor(test.weights))
    let workspace = Workspace()
    let output = try workspace.convolution(x, weights: weights, try test.parameters())
    let places = output.shape.dropFirst(2).reduce(1, *)
    let expected = output.elements(as: Double.self)
    let patches = try Patches(of: x.converted(to: type), try test.parameters())
    #expect(patches.count == test.batch * places)
    let groupOutputs = test.outputs / test.groups
    let matrices = weights.elements(as: Double.self)
    var difference = 0.0
    for group in 0..<test.groups {
      let size = groupOutputs * patches.length
      let matrix = try Matrix(
        rows: groupOutputs, columns: patches.length,
        Array(matrices[group * size..<(group + 1) * size]))
      let rows = try patches.rows(at: 0..<patches.count, group: group)
      let actual = try Matrix.product(rows, matrix, transposingB: true).elements
      for row in 0..<patches.count {
        for channel in 0..<groupOutputs {
          let plane = row / places * test.outputs + group * groupOutputs + channel
          let element = expected[plane * places + row % places]
          difference = max(difference, abs(actual[row * groupOutputs + channel] - element))
        }
      }
    }
    #expect(difference < 1e-12)
  }

  @Test func someOfThePatches() throws {
    var generator = SplitMix64(seed: 2)
    let test = ConvolutionCase.all[5]
    let patches = try Patches(of: generator.tensor(test.input), try test.parameters())
    let all = try patches.rows(at: 0..<patches.count, group: 0)
    let some = try patches.rows(at: [3, 17, patches.count - 1], group: 0)
    #expect(try some.rows(1..<2) == all.rows(17..<18))
    #expect(throws: KernelError.self) { try patches.rows(at: [patches.count], group: 0) }
    #expect(throws: KernelError.self) { try patches.rows(at: [0], group: 1) }
  }

  @Test func whatHasNoPatchesIsRefused() throws {
    let window = try SlidingWindow(kernel: [3])
    func patches(_ x: Tensor, groups: Int = 1) throws -> Patches {
      try Patches(of: x, ConvolutionParameters(window: window, groups: groups))
    }
    #expect(throws: KernelError.self) { try patches(Tensor(repeating: 0.0, shape: [1, 3, 2])) }
    #expect(throws: KernelError.self) {
      try patches(Tensor(repeating: 0.0, shape: [1, 3, 4]), groups: 2)
    }
    #expect(throws: KernelError.self) { try patches(Tensor(repeating: 0.0, shape: [3, 4])) }
    #expect(throws: KernelError.self) {
      try patches(Tensor(repeating: 0 as Int32, shape: [1, 3, 4]))
    }
  }
}
