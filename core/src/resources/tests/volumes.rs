//! Disks, volumes, copies of shared ones: what is used as a whole.

use super::*;

fn sum(a: &str, b: &str) -> Resources {
    let mut sum = res(a);
    sum.add(&res(b)).unwrap();
    sum
}

fn rest(a: &str, b: &str) -> Resources {
    let mut rest = res(a);
    rest.subtract(&res(b));
    rest
}

#[test]
fn volumes_print_and_parse() {
    for text in [
        "disk(+eng)#v:10",
        "disk(+eng)#v@alice:10",
        "disk(+eng)#v<path=data>:10",
        "disk(+eng)#v<path=data,host=/mnt,mode=ro>&:10",
        "disk(+eng)#v<volume=none>:10",
        "disk(+eng)#v<source=mount,root=/mnt/a>:10",
        "disk<volume=none>:10",
        "disk<path=tmp>:10",
        "disk<source=path,root=/mnt>:10",
        "disk<source=raw,vendor=v,id=i,profile=p,metadata=a=b,provider=x>:10",
        "disk<source=block>:10",
        "cpus<provider=x>:1",
        "disk(+eng)#v&:64*2",
        "disk<source=mount>:64*3",
        "disk(+e%26)#v%23%2C<path=a%2Cb%3E>:1",
    ] {
        let parsed = res(text);
        assert_eq!(parsed.to_string(), text);
        let (one, again) = (parsed.iter().next().unwrap(), res(&parsed.to_string()));
        assert!(
            one.key
                .metadata()
                .unwrap()
                .is_exactly(again.iter().next().unwrap().key.metadata().unwrap())
        );
        let bytes = minicbor::to_vec(&parsed).unwrap();
        let decoded: Resources = minicbor::decode(&bytes).unwrap();
        assert_eq!(decoded.to_string(), text, "through CBOR");
        let json = parsed.to_mesos_json();
        let read: Resources = serde_json::from_value(json).unwrap();
        assert_eq!(read.to_string(), text, "through the JSON of Mesos");
    }
    for (text, expected) in [
        ("disk<colour=red>:1", "'colour=red' is not understood"),
        ("disk<source=tape>:1", "is not understood"),
        ("disk<root=/x>:1", "is not understood"),
        ("disk<mode=rx>:1", "is not understood"),
        ("disk<source=block,root=/x>:1", "a block disk has no root"),
        ("disk<source=raw,root=/x>:1", "a raw disk has no root"),
        ("disk#v:10*x", "neither a number"),
        ("disk#v:10*", "neither a number"),
    ] {
        assert!(refused(text).contains(expected), "{text}: {}", refused(text));
    }
}

#[test]
fn rs8_mesos_prints_shared_volumes_with_their_count() {
    let long = |text: &str| format!("{:#}", res(text));
    let one = "disk(reservations: [(STATIC,role1)])[id1:path1]<SHARED>:64<1>";
    assert_eq!(long("disk(role1)#id1<path=path1>&:64"), one);
    let two = "disk(reservations: [(STATIC,role1)])[id1:path1]<SHARED>:64<2>";
    assert_eq!(long("disk(role1)#id1<path=path1>&:64*2"), two);
    assert_eq!(long("disk<source=mount,root=/m>:8*2"), "disk[MOUNT:/m]:8; disk[MOUNT:/m]:8");
    assert_eq!(
        long("disk(r)#i<path=p,host=h,source=path,root=/m>:8"),
        "disk(reservations: [(STATIC,r)])[PATH:/m,i:h:p:rw]:8"
    );
}

#[test]
fn rs38_va2_disks_are_checked_when_used() {
    let used = |text: &str| res(text).check_use().map_err(|error| error.to_string());
    assert_eq!(used("disk(role1)#id1<path=path1>:128"), Ok(()));
    assert_eq!(used("disk(+role1)#id1<path=p,source=path,root=/m>:128"), Ok(()));
    assert_eq!(used("disk<source=mount,root=/m>:128;gpus:2;cpus(+r):1"), Ok(()));
    for (text, expected) in [
        ("disk#id1:128", "'id1' is not reserved"),
        ("disk(r)#id1%2F:128", "volume name \"id1/\" holds '/'"),
        ("disk(r)#.:128", "cannot be a file name"),
        ("disk(r)#id1<volume=none>:128", "no container path"),
        ("disk(r)#id1<host=/h>:128", "has a host path"),
        ("disk(r)<path=p>:128", "not persistent is not supported"),
        ("disk(r)#id1~:128", "cannot be revocable"),
        ("disk<volume=none>:128", "neither a source nor a volume"),
        ("gpus:1.5", "gpus:1.5 is not a whole number"),
        ("cpus(+r)~:1", "is revocable, so it cannot be reserved"),
        ("disk(r)#id1:128*2", "'id1' is given twice"),
        ("disk(r)#id1:128;disk(r)#id1<source=mount>:1", "'id1' is given twice"),
    ] {
        let error = used(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert_eq!(used("disk(r)#id1:128;disk(s)#id1:128"), Ok(()), "unique per role");
    let declared = |text: &str| res(text).check_declared().map_err(|error| error.to_string());
    assert_eq!(declared("cpus(r):1;disk<source=mount,root=/m>:1"), Ok(()));
    for (text, what) in
        [("disk(r)#v:1", "persistent"), ("cpus~:1", "revocable"), ("cpus(+r):1", "dynamically")]
    {
        assert!(declared(text).unwrap_err().contains(what), "{text}");
    }
}

#[test]
fn rs40_only_path_and_raw_without_id_are_divisible() {
    for kind in ["raw", "path", "block", "mount"] {
        for extra in ["", ",vendor=v", ",id=i", ",profile=p", ",vendor=v,id=i,profile=p"] {
            let disk = |amount: u32| format!("disk<source={kind}{extra}>:{amount}");
            let divisible = kind == "path" || (kind == "raw" && !extra.contains("id="));
            assert_eq!(res(&disk(2)).contains(&res(&disk(1))), divisible, "{kind}{extra}");
            assert_eq!(sum(&disk(1), &disk(1)) == res(&disk(2)), divisible, "{kind}{extra}");
            assert!(sum(&disk(1), &disk(1)).contains(&res(&disk(1))));
            assert_eq!(sum(&disk(1), &disk(1)).quantity(&Name::DISK), Amount::from_units(2));
        }
    }
}

#[test]
fn rs41_addition_of_disks() {
    assert_eq!(sum("disk<path=p>:10", "disk<path=q>:10"), res("disk<path=p>:20"));
    assert_eq!(sum("disk(r)#1:10", "disk(r)#2:10").len(), 2);
    let path = |root: &str, amount| format!("disk<source=path,root={root}>:{amount}");
    assert_eq!(sum(&path("mnt", 10), &path("mnt", 10)), res(&path("mnt", 20)));
    assert_ne!(res(&path("mnt", 10)), res(&path("mnt2", 10)));
    let mount = |amount| format!("disk<source=mount,root=mnt>:{amount}");
    assert_ne!(sum(&mount(10), &mount(10)), res(&mount(20)));
    assert!(!res(&mount(20)).contains(&res(&mount(10))));
    // That a disk is a volume of no persistence is something, even if its path is not.
    assert_ne!(res("disk<path=p>:10"), res("disk:10"));
}

#[test]
fn rs42_subtraction_of_disks() {
    let path = |root: &str, amount| format!("disk<source=path,root={root}>:{amount}");
    let once = rest(&path("mnt", 20), &path("mnt", 10));
    assert_eq!(once, res(&path("mnt", 10)));
    assert_eq!(rest(&once.to_string(), &path("mnt", 10)), Resources::new());
    assert_eq!(rest(&path("mnt", 20), &path("other", 10)), res(&path("mnt", 20)));
    let mount = |amount| format!("disk<source=mount>:{amount}");
    assert_eq!(rest(&mount(20), &mount(10)), res(&mount(20)));
    assert_eq!(rest(&mount(20), &mount(20)), Resources::new());
}

#[test]
fn rs56_exclusive_things_are_counted() {
    let mount = "disk<source=mount,root=m>:100";
    assert!(!res(mount).contains(&sum(mount, mount)));
    assert!(sum(mount, mount).contains(&sum(mount, mount)));
    assert!(!res("disk(r)#v:1").contains(&res("disk(r)#v:1*2")));
}

const S: &str = "disk(r)#s&:50";

#[test]
fn rs45_copies_of_a_shared_volume() {
    let both = sum(&format!("cpus:1;mem:5;{S}"), &format!("cpus:2;mem:10;{S}"));
    assert_eq!(both.to_string(), "cpus:3;mem:15;disk(r)#s&:50*2");
    assert_eq!(both.quantity(&Name::DISK), Amount::from_units(50), "copies count once");
    assert_eq!(both.shared().one_copy(), res(S));

    let two = format!("cpus:40;mem:4096;{S}*2");
    let one = rest(&two, &format!("cpus:5;mem:512;{S}"));
    assert_eq!(one, res(&format!("cpus:35;mem:3584;{S}")));
    let none = rest(&one.to_string(), &format!("cpus:5;mem:512;{S}"));
    assert_eq!(none.to_string(), "cpus:30;mem:3072");

    let (r1, r2) = (format!("cpus:40;{S}*4"), format!("cpus:30;{S}*3"));
    let less = rest(&r2, &r1);
    assert!(less.is_empty());
    assert_eq!(sum(&less.to_string(), &r1), res(&r1));
    assert!(res(&r1).contains(&res(&r2)) && !res(&r2).contains(&res(&r1)));
}

#[test]
fn rs46_shared_and_other_volumes() {
    let other = "disk(r)#t&:100";
    assert_eq!(rest(S, other), res(S));
    assert_eq!(sum(S, other).len(), 2);
    let own = "disk(r)#s:100";
    let all = sum("disk(r)#s&:100*2", own);
    assert_eq!((all.len(), all.quantity(&Name::DISK)), (2, Amount::from_units(200)));
    assert_eq!(rest(own, "disk(r)#s&:100"), res(own));
}

#[test]
fn rs30_shrinking_keeps_pieces_whole() {
    let shrink = |text: &str, most: &str| res(text).shrink_to(&most.parse().unwrap());
    assert!(shrink("cpus:1", "").is_empty());
    assert_eq!(shrink("cpus:2", "cpus:1"), res("cpus:1"));
    assert_eq!(shrink("cpus:2;mem:20", "cpus:1"), res("cpus:1"));
    let mount = "disk<source=mount>";
    assert!(shrink(&format!("{mount}:20"), "disk:10").is_empty());
    // Mesos takes either; here the plain disk comes first.
    assert_eq!(shrink(&format!("disk:10;{mount}:10"), "disk:10"), res("disk:10"));
    assert_eq!(
        shrink(&format!("disk:4;{mount}:10*3"), "disk:25"),
        res(&format!("disk:4;{mount}:10*2"))
    );
    assert_eq!(shrink("disk(r)#s&:50*3", "disk:60"), res("disk(r)#s&:50*3"));
    assert!(shrink("disk(r)#s&:50*3", "disk:40").is_empty());
    assert_eq!(shrink("cpus(a):2;cpus:3;cpus(b):9", "cpus:6"), res("cpus:3;cpus(a):2;cpus(b):1"));
}

#[test]
fn rs32_quantities_over_all_metadata() {
    let has =
        |text: &str, quantities: &str| res(text).contains_quantities(&quantities.parse().unwrap());
    assert!(has("ports:[1-3]", "ports:2") && !has("ports:[1-1]", "ports:2"));
    assert!(has("zones:{a,b,c}", "zones:2"));
    assert!(has("cpus(role1):2;cpus:1", "cpus:3") && !has("cpus(role1):2;cpus:1", "cpus:3.001"));
    assert!(has("ports(r):[1-10];ports:[11-16]", "ports:12"));
    assert!(has("disk(r)#s&:64;disk:64", "disk:128"));
    assert!(!has("disk(r)#s&:64*2", "disk:128"));
    assert_eq!(Quantities::of(&res("cpus(a):1;cpus:2;cpus~:4;mem:1")).to_string(), "cpus:7;mem:1");
}
