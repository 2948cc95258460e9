import Kernels
import Tensors
import Testing

/// A small seeded generator: <https://prng.di.unimi.it/splitmix64.c>.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A float64 tensor of float32 numbers between -1 and 1, so that conversion is exact.
  mutating func tensor(_ shape: Shape) -> Tensor {
    Tensor(
      (0..<shape.elementCount).map { _ in Double(Float.random(in: -1...1, using: &self)) },
      shape: shape)
  }
}

extension Tensor {
  var single: Tensor { converted(to: .float32) }

  /// The same elements one byte behind an aligned address, as in a mapped file.
  var unaligned: Tensor {
    let storage = Storage(byteCount: byteCount + 1)
    withExtendedLifetime(self) {
      (storage.base + 1).copyMemory(from: address, byteCount: byteCount)
    }
    return Tensor(elementType, shape, storage: storage, byteOffset: 1)
  }
}

/// The Euclidean distance of two tensors divided by the length of the second.
func distance(_ actual: Tensor, _ expected: Tensor, in workspace: Workspace) -> Double {
  let a = workspace.rowMajor(actual).converted(to: .float64).elements(as: Double.self)
  let b = workspace.rowMajor(expected).converted(to: .float64).elements(as: Double.self)
  guard a.count == b.count else { return .infinity }
  let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  return (difference / max(b.reduce(0) { $0 + $1 * $1 }, 1e-30)).squareRoot()
}

/// Whether the elements that pad the last block of channels are all zero.
func padsWithZeros(_ tensor: Tensor) -> Bool {
  guard case .blockedChannels(let block) = tensor.layout, tensor.elementType == .float32 else {
    return true
  }
  let channels = tensor.shape[1]
  let blocks = (channels + block - 1) / block
  let pixels = tensor.shape.dropFirst(2).reduce(1, *)
  return tensor.withElements(as: Float.self) { elements in
    elements.indices.allSatisfy { index in
      let channel = index / (block * pixels) % blocks * block + index % block
      return channel < channels || elements[index] == 0
    }
  }
}
